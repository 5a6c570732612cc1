"""The rules for Prometheus and Alertmanager's configuration, as their own programs check and people need them."""

import json
import re

import pytest
import yaml

from strongroom.catalog.alerts import Severity
from tests.services.monitoring import DOCKER, RULE_TESTS, RULES, alerts, check, rule_tests, rules

ROOT = DOCKER.parent
RECORDED = re.compile(r"strongroom:[\w:]+")


def test_promtool_takes_the_rules():
    done = check("promtool", "check", "rules", *RULES)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_the_rules_fire_and_stay_quiet_as_they_should(file):
    done = check("promtool", "test", "rules", file)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_shown_to_fire_and_to_stay_quiet():
    tried = set(rule_tests())

    assert {(name, fires) for name in alerts() for fires in (True, False)} == tried


def test_every_alert_says_how_bad_it_is_and_where_to_read_on():
    wrong = {}
    for name, alert in alerts().items():
        page, _, anchor = alert.annotations["runbook"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.M)
        if anchor not in {heading.lower().replace(" ", "-") for heading in headings}:
            wrong[name] = alert.annotations["runbook"]
        assert alert.labels["severity"] in set(Severity)
        assert alert.annotations["summary"]
        assert alert.annotations["description"]

    assert wrong == {}


def test_the_page_lists_the_alerts_and_how_bad_each_is():
    rows = re.findall(r"^\| `(Strongroom\w+)` \| (\w+) \|", (ROOT / "docs/monitoring.md").read_text("utf-8"), re.M)

    assert rows == [(name, alert.labels["severity"]) for name, alert in alerts().items()]


def test_what_rules_take_from_each_other_is_recorded():
    recorded = {rule.name for rule in rules() if not rule.is_alert}
    taken = {name for rule in rules() for name in RECORDED.findall(rule.expr)}

    assert taken == recorded


def test_promtool_takes_the_configuration_of_prometheus():
    done = check("promtool", "check", "config", "--syntax-only", DOCKER / "prometheus" / "prometheus.yml")

    assert done.returncode == 0, done.stderr


def test_amtool_takes_the_configuration_of_alertmanager():
    done = check("amtool", "check-config", DOCKER / "alertmanager" / "alertmanager.yml")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "on-call"), ("high", "on-call"), ("medium", "team"), ("low", "team")]
)
def test_pages_go_to_whoever_is_on_call_and_the_rest_to_the_team(severity, receiver):
    file = DOCKER / "alertmanager" / "alertmanager.yml"
    done = check("amtool", "config", "routes", "test", f"--config.file={file}", f"severity={severity}")

    assert done.stdout.split() == [receiver], done.stderr


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_a_second_process_of_the_api_changes_no_alert(file, tmp_path):
    """Both say the same of the catalog: nothing may be told twice, and no sum may be twice as large."""
    cases = yaml.safe_load(file.read_text(encoding="utf-8"))
    cases["rule_files"] = [str((file.parent / rules_of).resolve()) for rules_of in cases["rule_files"]]
    cases["tests"] = [case for case in cases["tests"] if not _counts_for_itself(case)]
    for case in cases["tests"]:
        case["input_series"] = [
            {**series, "series": _from_process(series["series"], process)}
            for series in case["input_series"]
            for process in ("10.0.0.1:8440", "10.0.0.2:8440")
        ]
    doubled = tmp_path / file.name
    doubled.write_text(json.dumps(cases), encoding="utf-8")
    done = check("promtool", "test", "rules", doubled)

    assert done.returncode == 0, done.stdout + done.stderr


def _counts_for_itself(case) -> bool:
    """Say whether a case is about what each process counts by itself: its requests, and that it is there."""
    return all(series["series"].startswith(("strongroom_http_", "up{")) for series in case["input_series"])


def _from_process(series: str, process: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{instance="{process}"' + (f",{labels}" if labels else "}")
