"""`GET /metrics` over real HTTP: who may read it, in which format, and what it says while the catalog is away."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families as read_families

from api.metrics_face import create_metrics_app
from api.scraping import ScrapeToken
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import SystemClock
from strongroom.metrics.definitions import METRICS
from strongroom.metrics.scraping import Scraper
from strongroom.settings.named_secrets import NamedSecret
from tests.services.monitoring import DASHBOARDS, dashboard_expressions, metrics_in, rules
from tests.services.requirement import service_is_missing

TOKEN = "canary-scrape-token"


def away() -> list:
    raise CatalogUnavailableError("The catalog is away.", next_step="Start it.")


@pytest.fixture
def scraper(base_url: str, app, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client with the token of `[metrics]`, as Prometheus is."""
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(f"{TOKEN}\n")
    app.state.gate.scrape_token = ScrapeToken(NamedSecret("token", None, file), {})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=20) as client:
        yield client


def values(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    samples = [sample for family in read_families(text) for sample in family.samples if sample.name == name]
    return {tuple(sorted(sample.labels.items())): sample.value for sample in samples}


def test_the_scrape_token_opens_the_metrics_and_nothing_else(scraper):
    assert scraper.get("/metrics").status_code == 200
    assert scraper.get("/v1/status").status_code == 401


def test_a_service_token_needs_the_grant(make_machine, stranger):
    assert make_machine("read:metrics").get("/metrics").status_code == 200
    assert make_machine("read:backup").get("/metrics").status_code == 403
    assert make_machine("read:metrics:shop").get("/metrics").status_code == 403
    assert stranger.get("/metrics").status_code == 401


def test_a_token_that_others_may_read_opens_nothing(scraper, tmp_path):
    (tmp_path / "token").chmod(0o644)

    assert scraper.get("/metrics").status_code == 401


def test_every_metric_is_in_a_scrape(scraper):
    scraper.get("/health/live")
    families = {family.name: family for family in read_families(scraper.get("/metrics").text)}

    for definition in METRICS:
        family = families[definition.name.removesuffix("_total") if definition.kind == "counter" else definition.name]
        assert family.documentation == definition.help
        assert family.type == definition.kind


def test_the_format_is_the_one_that_is_asked_for(scraper):
    plain = scraper.get("/metrics")
    open_metrics = scraper.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")


def test_requests_count_by_the_template_of_their_route(scraper, client):
    for backup in ("3fa85f64-5717-4562-b3fc-2c963f66afa6", "0e8400e2-29b4-41d4-a716-446655440000"):
        assert client.get(f"/v1/backups/{backup}").status_code == 404
    client.get("/a-path/that-is-not-there")
    client.request("PROPFIND", "/v1/backups")
    text = scraper.get("/metrics").text
    counted = values(text, "strongroom_http_requests_total")

    assert counted[("code", "404"), ("method", "GET"), ("route", "/v1/backups/{backup_id}")] == 2
    assert counted[("code", "404"), ("method", "GET"), ("route", "none")] == 1
    assert {dict(labels)["method"] for labels in counted} == {"GET", "other"}
    assert "a-path" not in text
    timed = values(text, "strongroom_http_request_duration_seconds_count")
    assert timed[("code", "404"), ("method", "GET"), ("route", "/v1/backups/{backup_id}")] == 2


def test_what_the_process_knows_is_there_while_the_catalog_is_away(scraper, app):
    desk = app.state.metrics
    desk.scraper = Scraper(away, SystemClock(), failed=desk.counts.note_failed_scrape)
    scraper.get("/metrics")
    answer = scraper.get("/metrics")

    assert answer.status_code == 200
    assert values(answer.text, "strongroom_up") == {(): 0.0}
    assert values(answer.text, "strongroom_scrape_errors_total") == {(): 2.0}
    assert values(answer.text, "strongroom_http_requests_total") != {}
    assert values(answer.text, "strongroom_jobs_queued") == {}


def test_a_scrape_reads_the_catalog(scraper, make_backup):
    make_backup("website")
    text = scraper.get("/metrics").text

    assert values(text, "strongroom_up") == {(): 1.0}
    assert values(text, "strongroom_backups")[(("source", "website"),)] == 1.0


def test_no_secret_is_in_a_scrape(scraper, runtime):
    text = scraper.get("/metrics").text

    assert "canary" not in text


def test_promtool_finds_nothing_to_complain_about(scraper):
    if shutil.which("promtool") is None:
        service_is_missing("promtool is not installed: apt-get install prometheus")
    scraper.get("/health/live")
    text = scraper.get("/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], check=False, input=text, capture_output=True, text=True)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_a_port_of_its_own_shows_the_metrics_and_nothing_else(runtime):
    face = TestClient(create_metrics_app(runtime))

    assert values(face.get("/metrics").text, "strongroom_up") == {(): 1.0}
    assert [face.get(path).status_code for path in ("/v1/status", "/health/ready", "/openapi.json")] == [404, 404, 404]


def test_it_listens_on_loopback_unless_told_otherwise(runtime):
    assert runtime.settings.metrics.host == "127.0.0.1"


def test_every_metric_that_rules_and_dashboards_name_is_in_a_scrape(scraper):
    scraper.get("/health/live")
    scraped = {family.name for family in read_families(scraper.get("/metrics").text)}
    asked = [rule.expr for rule in rules()]
    asked += [expression for file in DASHBOARDS for expression in dashboard_expressions(file)]
    named = {name.removesuffix("_total") for expression in asked for name in metrics_in(expression)}

    assert len(named) > 30
    assert named - scraped == set()
