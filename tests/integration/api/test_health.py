"""The routes of health over real HTTP: what they say while a part is away, and to whom."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from strongroom import __version__
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.runtime import Runtime
from tests.services.audit import audit_rows


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each part the time that it takes on a busy machine."""
    for module in ("api.checks", "api.health"):
        monkeypatch.setattr(f"{module}.SECONDS_A_PART", 30.0)


@pytest.fixture
def away(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the catalog be where no database is."""
    engine = open_engine("postgresql://strongroom@127.0.0.1:9/strongroom")
    monkeypatch.setattr(runtime.catalog, "engine", engine)
    monkeypatch.setattr(runtime.catalog, "_read", Catalog(engine)._read)


def test_ready_names_each_part_and_no_host_or_version(stranger: httpx.Client):
    answer = stranger.get("/health/ready")
    body = answer.json()

    assert answer.status_code == 200
    assert body.keys() == {"status", "checks"}
    assert body["checks"].keys() == {"catalog", "schema", "redis", "keyring"}
    assert (body["checks"]["catalog"], body["checks"]["schema"]) == ({"status": "pass"}, {"status": "pass"})


def test_the_version_is_for_those_who_show_a_good_token(client: httpx.Client, stranger: httpx.Client):
    assert client.get("/health/ready").json()["version"] == __version__
    wrong = stranger.get("/health/ready", headers={"Authorization": "Bearer wrong"})
    assert (wrong.status_code, "version" in wrong.json()) == (200, False)


def test_nobody_tries_tokens_without_a_trace(stranger: httpx.Client, app: FastAPI, runtime: Runtime):
    stranger.get("/health/ready", headers={"Authorization": "Bearer wrong"})
    app.state.refusals.flush()

    rows = audit_rows(runtime.catalog, action="authn_login_fail")
    assert [(row.operation, row.reason) for row in rows] == [("GET /health/ready", "token unknown")]


def test_a_part_that_is_not_critical_is_a_warning(stranger: httpx.Client, tmp_path: Path):
    (tmp_path / "strongroom.keys").unlink()
    body = stranger.get("/health/ready").json()

    assert (body["status"], body["checks"]["keyring"]) == ("warn", {"status": "warn"})


@pytest.mark.usefixtures("away")
def test_without_a_catalog_it_is_alive_and_not_ready(stranger: httpx.Client):
    ready, startup = stranger.get("/health/ready"), stranger.get("/health/startup")

    assert stranger.get("/health/live").status_code == 200
    assert (ready.status_code, ready.json()["status"]) == (503, "fail")
    assert ready.json()["checks"]["catalog"] == {"status": "fail"}
    assert (startup.status_code, startup.json()) == (503, {"status": "fail"})


def test_tables_of_another_version_make_it_not_ready(stranger: httpx.Client, runtime: Runtime):
    with runtime.catalog.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ready = stranger.get("/health/ready")

    assert ready.status_code == 503
    assert (ready.json()["checks"]["catalog"], ready.json()["checks"]["schema"]) == (
        {"status": "pass"}, {"status": "fail"},
    )  # fmt: skip


def test_a_process_that_has_begun_says_so(stranger: httpx.Client):
    assert stranger.get("/health/startup").json() == {"status": "pass"}
