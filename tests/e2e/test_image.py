"""The image without an engine: its tree, made by the Dockerfile's steps, and every process of production from it."""

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from strongroom.jobs.kinds import Queue
from strongroom.metrics.definitions import METRICS
from tests.e2e.deployment import eventually
from tests.e2e.image import Image, make_image
from tests.e2e.production import SERVICES, Town, production
from tests.e2e.watching import Watching, start_watching
from tests.services.monitoring import DASHBOARDS, dashboard_expressions, metrics_in, program, rules

NOT_HERE = {
    f"strongroom_{name}"
    for name in (
        "alert_deliveries_total",
        "alert_delivery_lag_seconds",
        "alert_message_oldest_age_seconds",
        "key_version_rows",
        "reencrypt_rows_remaining",
        "region_verification_last_success_timestamp_seconds",
        "restore_drill_duration_seconds",
        "restore_drill_failing",
        "restore_drill_last_success_timestamp_seconds",
        "sync_heartbeat_rtt_seconds",
    )
}
"""What has no series yet: no channel, no encrypted column, no drill, no check of a region, no peer that answers."""


@pytest.fixture(scope="module")
def image(run_directory: Path) -> Image:
    return make_image(run_directory / f"image-{secrets.token_hex(4)}")


@pytest.fixture(scope="module")
def town(image: Image, run_directory: Path) -> Iterator[Town]:
    with production(image, run_directory) as running:
        # Whichever test comes first: what has not begun yet would miss what a test takes away for a moment.
        for name in SERVICES:
            eventually(lambda name=name: running.is_healthy(name), f"{name} is healthy")
        eventually(lambda: is_there(running.url("/metrics", "metrics")), "metrics are there")
        yield running


@pytest.fixture(scope="module")
def backed_up(town: Town) -> Town:
    """The same, when it has made a backup."""
    done = town.run("strongroom", "backup", "run", "catalog")
    assert done.returncode == 0, done.stderr
    return town


@pytest.fixture(scope="module")
def watching(backed_up: Town) -> Watching:
    """Prometheus and Alertmanager, as the compose file starts them."""
    return start_watching(backed_up)


def test_the_tree_is_small_and_has_the_command(image: Image) -> None:
    assert (image.prefix / "bin" / "strongroom").stat().st_mode & 0o111
    assert not list(image.prefix.glob("venv/lib/*/site-packages/pip"))
    names = {path.name for path in (image.prefix / "app").iterdir()}
    assert not names & {"tests", "stack", "bench", "docs", ".git"}


def test_every_process_of_production_runs_from_the_tree_and_is_healthy(town: Town) -> None:
    before = town.image.files()
    for name in SERVICES:
        eventually(lambda name=name: town.is_healthy(name), f"{name} is healthy")
    assert httpx.get(town.url("/health/live")).status_code == 200
    assert httpx.get(town.url("/health/ready")).status_code == 200
    assert httpx.get(town.url("/", "flower")).status_code == 401
    eventually(town.encryptor_is_answered, "an encryptor is answered")
    eventually(lambda: is_there(town.url("/metrics", "metrics")), "metrics have a port of their own")
    assert [name for name, server in town.processes.items() if server.pid is None] == []
    assert town.image.files() == before


def test_a_worker_of_each_queue_takes_jobs(town: Town) -> None:
    queues = {queue.value for queue in Queue}

    def serve() -> bool:
        up = dict(re.findall(r'^strongroom_workers_up\{queue="([^"]+)"\} (\S+)', town.scrape(), re.M))
        return all(float(up.get(queue, 0)) >= 1 for queue in queues)

    eventually(serve, "every queue has a worker")


def test_a_backup_runs_through_and_the_copies_are_made(backed_up: Town) -> None:
    town = backed_up
    eventually(lambda: "protected" in town.run("strongroom", "backup", "list").stdout, "the backup is protected")


def test_the_standby_follows_the_primary_and_that_is_watched(town: Town) -> None:
    assert town.run("strongroom", "standby", "check").returncode == 0


def test_setting_up_again_changes_nothing(town: Town) -> None:
    keys = (town.directory / "state" / "strongroom.keys").read_bytes()
    assert town.run("strongroom", "init", "--upgrade").returncode == 0
    assert (town.directory / "state" / "strongroom.keys").read_bytes() == keys


def test_no_secret_is_seen_in_a_list_of_processes(town: Town) -> None:
    texts = [text for path in town.secrets.iterdir() if (text := path.read_text().strip())]
    lines = [Path(f"/proc/{server.pid}/cmdline").read_bytes().decode() for server in town.processes.values()]
    assert [text for text in texts if any(text in line for line in lines)] == []


def test_without_a_secret_a_process_says_which_one_is_missing(town: Town) -> None:
    moved = town.secrets / "moved"
    (town.secrets / "catalog_url").rename(moved)
    try:
        said = town.run("strongroom", "status").stderr
    finally:
        moved.rename(town.secrets / "catalog_url")
    assert "STRONGROOM_CATALOG_URL_FILE" in said


def test_promtool_finds_nothing_in_what_production_says_and_all_of_it_is_explained(backed_up: Town) -> None:
    text = backed_up.scrape()
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    explained = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
    assert {metric.name: metric.help for metric in METRICS}.items() <= explained.items()


def test_prometheus_reaches_everything_it_is_told_of(watching: Watching) -> None:
    eventually(lambda: watching.health() == {"strongroom": "up", "prometheus": "up"}, "every target is up")
    eventually(lambda: len(watching.ask("alertmanagers")["activeAlertmanagers"]) == 1, "Alertmanager is known")


def test_prometheus_evaluates_every_rule(watching: Watching) -> None:
    eventually(lambda: set(watching.rule_health().values()) == {"ok"}, "every rule was evaluated")
    assert set(watching.rule_health()) == {rule.name for rule in rules()}


def test_every_question_of_rules_and_dashboards_is_answered(watching: Watching) -> None:
    asked = [expr for file in DASHBOARDS for expr in dashboard_expressions(file)] + [rule.expr for rule in rules()]
    eventually(lambda: watching.health().get("strongroom") == "up", "it is scraped")
    for expression in asked:
        watching.ask("query", query=expression)
    named = {name for expression in asked for name in metrics_in(expression)}
    eventually(lambda: named - watching.metrics() == NOT_HERE, "there are series")


def is_there(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
