"""Prometheus and Alertmanager beside a running production, with the configuration and the words of the compose file."""

import re
import shutil
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from tests.e2e.deployment import eventually
from tests.e2e.production import Town
from tests.policy.deployment import COMPOSE_FILES, DOCKER, services
from tests.services.monitoring import program
from tests.services.ports import LOOPBACK

SCRAPE = {"scrape_interval": "5s", "evaluation_interval": "5s"}
_OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


@dataclass(frozen=True)
class Watching:
    """What asks the API of Prometheus."""

    town: Town

    def ask(self, what: str, **parameters: str) -> Any:
        """Return the data of an answer that must be a good one."""
        answer = httpx.get(self.town.url(f"/api/v1/{what}", "prometheus"), params=parameters, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def health(self) -> dict[str, str]:
        """Return how each job that is scraped does."""
        return {one["labels"]["job"]: one["health"] for one in self.ask("targets")["activeTargets"]}

    def rule_health(self) -> dict[str, str]:
        """Return how the evaluation of each rule went."""
        return {rule["name"]: rule["health"] for group in self.ask("rules")["groups"] for rule in group["rules"]}

    def metrics(self) -> set[str]:
        """Return the metrics of ours that have series."""
        return {_OF_HISTOGRAM.sub("", name) for name in self.ask("label/__name__/values")}


def start_watching(town: Town) -> Watching:
    """Start both, with the ports of the test in the place of names, and wait until they answer."""
    _start(town, "alertmanager", "prometheus-alertmanager", _alertmanager(town))
    _start(town, "prometheus", "prometheus", _prometheus(town))
    for name in ("alertmanager", "prometheus"):
        eventually(lambda name=name: _is_ready(town, name), f"{name} is ready")
    return Watching(town)


def _start(town: Town, name: str, binary: str, config: str) -> None:
    file = town.directory / f"{name}.yml"
    file.write_text(config)
    words = [word.split("=", 1) for word in services(COMPOSE_FILES[1])[name]["command"]]
    places = {"--config.file": str(file), "--storage.tsdb.path": _data(town, name), "--storage.path": _data(town, name)}
    argv = [f"{option}={places.get(option, value)}" for option, value in words]
    listen = f"--web.listen-address={LOOPBACK}:{town.ports[name].number}"
    town.start(name, [program(binary), *argv, listen], {}, store=True)


def _data(town: Town, name: str) -> str:
    return str(town.directory / name)


def _prometheus(town: Town) -> str:
    text = (DOCKER / "prometheus" / "prometheus.yml").read_text().replace("/run/secrets", str(town.secrets))
    config = yaml.safe_load(text)
    strongroom, itself = config["scrape_configs"]
    del strongroom["dns_sd_configs"]
    strongroom["static_configs"] = [{"targets": [_address(town, "api")]}]
    itself["static_configs"] = [{"targets": [_address(town, "prometheus")]}]
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [_address(town, "alertmanager")]}]
    # Where the server's own user can read, wherever the project lies.
    shutil.copytree(DOCKER / "prometheus" / "rules", town.directory / "rules")
    config["rule_files"] = [str(town.directory / name) for name in config["rule_files"]]
    config["global"] = {**SCRAPE, "scrape_timeout": "5s"}
    return yaml.safe_dump(config)


def _alertmanager(town: Town) -> str:
    return (DOCKER / "alertmanager" / "alertmanager.yml").read_text().replace("/run/secrets", str(town.secrets))


def _address(town: Town, name: str) -> str:
    return f"{LOOPBACK}:{town.ports[name].number}"


def _is_ready(town: Town, name: str) -> bool:
    try:
        return httpx.get(town.url("/-/ready", name)).status_code == 200
    except httpx.TransportError:
        return False
