"""What the deployment files say: compose files and Kubernetes manifests, and the processes of docs/service.md."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.policy.project import ROOT
from worker.profiles import PROFILES

DOCKER = ROOT / "docker"
KUBERNETES = DOCKER / "kubernetes"
KUSTOMIZATION = DOCKER / "kustomization.yaml"
COMPOSE_FILES = (DOCKER / "compose.yaml", DOCKER / "compose.production.yaml")
WITH_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
OUR_IMAGE = re.compile(r"^(\$\{STRONGROOM_IMAGE:-)?strongroom:")
_ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<command>`[^|]+) \|")
_COMMAND = re.compile(r"`([^`]+)`")
NOT_IN_CONTAINERS = ("stack.watchdog", "api metrics")
"""What only `make up` needs, and what the API does as well: in containers Prometheus asks it with a token."""


@functools.cache
def compose(path: Path) -> dict[str, Any]:
    """Return a compose file, merged as YAML merges."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def services(path: Path) -> dict[str, dict[str, Any]]:
    """Return the services of a compose file."""
    found: dict[str, dict[str, Any]] = compose(path)["services"]
    return found


def with_default(value: str) -> str:
    """Return what compose makes of a value where no variable of its own environment is set."""
    return WITH_DEFAULT.sub(r"\1", value)


def is_ours(image: str) -> bool:
    """Say whether an image is the one that the Dockerfile makes."""
    return OUR_IMAGE.match(image) is not None


@functools.cache
def manifests() -> tuple[dict[str, Any], ...]:
    """Return every Kubernetes manifest, those that kustomization.yaml leaves out too."""
    files = sorted(KUBERNETES.glob("*.yaml"))
    return tuple(document for path in files for document in yaml.safe_load_all(path.read_text(encoding="utf-8")))


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    """Return the manifests of these kinds."""
    return [manifest for manifest in manifests() if manifest["kind"] in kinds]


def workloads() -> list[dict[str, Any]]:
    """Return what has pods."""
    return of_kind("Deployment", "StatefulSet")


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    """Return what a workload says of its pods."""
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all containers of a workload's pods."""
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def documented_commands() -> Iterator[str]:
    """Yield the commands of our own processes in the table at the beginning of docs/service.md."""
    for line in (ROOT / "docs" / "service.md").read_text(encoding="utf-8").splitlines():
        if match := _ROW.match(line):
            found = _COMMAND.findall(match["command"])
            yield from (one for one in found if " " in one and not any(name in one for name in NOT_IN_CONTAINERS))
        elif line.startswith("## "):
            return


def purpose(command: str) -> set[str]:
    """Return what a process is for: the queues that a worker serves, or the words that say which process it is."""
    words = command.replace('"', "").split()
    if "flower" in words:
        return {"flower"}
    if "watch" in words:
        return {"watch"}
    if "beat" in words:
        return {"beat"}
    if "worker" in words:
        rest = words[words.index("worker") + 1 :]
        queues = rest[rest.index("--queues") + 1].split(",") if "--queues" in rest else PROFILES[rest[0]].queues
        return {f"queue {queue}" for queue in queues}
    return {" ".join(words[words.index("api") :])}
