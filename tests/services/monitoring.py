"""The rules and dashboards in docker/, as Prometheus and Grafana read them, and the programs that check them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.services.requirement import service_is_missing

DOCKER = Path(__file__).resolve().parents[2] / "docker"
RULES = sorted((DOCKER / "prometheus" / "rules").glob("*.yml"))
RULE_TESTS = sorted((DOCKER / "prometheus" / "tests").glob("*.yml"))
DASHBOARDS = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))

_METRIC = re.compile(r"\bstrongroom_[a-z0-9_]+")
_OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
_VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m"}


@dataclass(frozen=True)
class Rule:
    """An alert, or a value that is recorded under a name."""

    name: str
    expr: str
    is_alert: bool
    labels: dict[str, str]
    annotations: dict[str, str]


def rules() -> list[Rule]:
    """Return every rule."""
    return [rule for file in RULES for rule in _rules_of(yaml.safe_load(file.read_text(encoding="utf-8")))]


def alerts() -> dict[str, Rule]:
    """Return the rules that alert, by name."""
    found = [rule for rule in rules() if rule.is_alert]
    assert len({rule.name for rule in found}) == len(found), "Two alerts have one name."
    return {rule.name: rule for rule in found}


def rule_tests() -> Iterator[tuple[str, bool]]:
    """Yield the name of an alert and whether it is to fire, for each case of promtool's tests."""
    for file in RULE_TESTS:
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for case in group["alert_rule_test"]:
                yield case["alertname"], bool(case["exp_alerts"])


def dashboard(file: Path) -> dict[str, Any]:
    """Return one dashboard."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def dashboard_expressions(file: Path) -> list[str]:
    """Return what the panels of a dashboard ask Prometheus, with values in the place of variables."""
    board = dashboard(file)
    values = {f"${one['name']}": ".*" for one in board["templating"]["list"] if one["type"] == "query"} | _VARIABLES
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    asked += [re.sub(r"^label_values\((.+), \w+\)$", r"\1", one["query"]["query"]) for one in _queries(board)]
    return [_filled(expression, values) for expression in asked]


def metrics_in(expression: str) -> set[str]:
    """Return the metrics of ours that an expression names."""
    return {_OF_HISTOGRAM.sub("", name) for name in _METRIC.findall(expression)}


def program(name: str) -> str:
    """Return the path of promtool or amtool; without it the test cannot run."""
    return shutil.which(name) or service_is_missing(f"{name} is not there; tests/install-services installs it")


def check(name: str, *words: str | Path, cwd: Path = DOCKER) -> subprocess.CompletedProcess[str]:
    """Run promtool or amtool and return how it ended."""
    return subprocess.run([program(name), *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)


def _rules_of(file: dict[str, Any]) -> Iterator[Rule]:
    for group in file["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert") or rule["record"]
            yield Rule(name, rule["expr"], "alert" in rule, rule.get("labels", {}), rule.get("annotations", {}))


def _queries(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in board["templating"]["list"] if one["type"] == "query"]


def _filled(expression: str, values: dict[str, str]) -> str:
    for name, value in sorted(values.items(), key=lambda pair: -len(pair[0])):
        expression = expression.replace(name, value)
    return expression
