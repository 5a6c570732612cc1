"""The Kubernetes manifests as `kubectl kustomize` puts them together, and the files that a container of theirs sees."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.services.requirement import service_is_missing

Manifest = dict[str, Any]


def render(directory: Path) -> list[Manifest]:
    """Return what `kubectl apply --kustomize` would send to a cluster; talks to none."""
    kubectl = shutil.which("kubectl") or service_is_missing("kubectl is not there; tests/install-services installs it")
    done = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def find(rendered: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """Return the one manifest of this kind and name."""
    (found,) = (one for one in rendered if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


def lay_out(rendered: Sequence[Manifest], workload: Manifest, root: Path) -> None:
    """Write below `root` what the first container of a workload sees of config maps, where it sees it."""
    pod = workload["spec"]["template"]["spec"]
    maps = {volume["name"]: volume["configMap"] for volume in pod["volumes"] if "configMap" in volume}
    for mount in pod["containers"][0]["volumeMounts"]:
        if mount["name"] not in maps:
            continue
        wanted = maps[mount["name"]]
        data = find(rendered, "ConfigMap", wanted["name"])["data"]
        for item in wanted.get("items", [{"key": key, "path": key} for key in data]):
            file = root / mount["mountPath"].lstrip("/") / item["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(data[item["key"]], encoding="utf-8")
