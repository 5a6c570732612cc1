"""The audit log over HTTP: admins read it, in pages that new rows do not shift, and nobody writes it."""

import shutil
from pathlib import Path

import pytest

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import Actor, acting
from strongroom.audit.events import AuditEvent, Outcome
from strongroom.audit.keeping import HeadKeeping
from strongroom.audit.recording import record
from strongroom.audit.verifying import AuditLog
from strongroom.keyring.key_file import KeyFile

TARGETS = [f"target {number}" for number in range(5)]


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


@pytest.fixture(autouse=True)
def five_rows(runtime, tmp_path: Path):
    """Somebody did five things."""
    if not (tmp_path / "strongroom.keys").exists():
        KeyFile.create(tmp_path / "strongroom.keys", ["here", "there"])
    cleo = Actor(PrincipalKind.OPERATOR, "0197", "cleo", request_id="r1", trace_id="t1")
    with acting(cleo), runtime.catalog.begin() as session:
        for target in TARGETS:
            record(session, AuditEvent("user_updated", target, Outcome.DONE))


def test_rows_come_newest_first_in_pages(client):
    first = client.get("/v1/audit", params={"actor": "cleo", "limit": 3}).json()
    second = client.get("/v1/audit", params={"actor": "cleo", "limit": 3, "cursor": first["next_cursor"]}).json()

    assert [row["target"] for row in (*first["items"], *second["items"])] == TARGETS[::-1]
    assert second["next_cursor"] is None
    assert set(first["items"][0]) >= {"sequence", "at", "actor_name", "action", "outcome", "request_id", "trace_id"}


def test_rows_are_found_by_what_they_have_in_common(client):
    def found(**wanted):
        return len(client.get("/v1/audit", params={"actor": "0197", **wanted}).json()["items"])

    assert found(action="user_updated", trace_id="t1", request_id="r1") == 5
    assert found(target="target 3", outcome="done", since="2026-01-01T00:00:00Z") == 1
    assert found(outcome="refused") == found(since="2999-01-01T00:00:00Z") == found(action="other") == 0


def test_whoever_reads_it_is_in_it(app, client):
    for _ in range(3):
        assert client.get("/v1/audit", params={"actor": "cleo", "outcome": "done"}).status_code == 200
    app.state.refusals.flush()

    rows = client.get("/v1/audit", params={"action": "sensitive_read"}).json()["items"]
    assert {(row["actor_name"], row["target"], row["operation"]) for row in rows} == {
        ("ada", "audit log", "GET /v1/audit")
    }
    assert all(row["reason"].startswith("actor=cleo outcome=done") for row in rows)


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 40, "١"])
def test_a_cursor_that_is_none_is_a_mistake_in_the_request(client, cursor):
    answer = client.get("/v1/audit", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (422, "catalog.bad_cursor")


def test_the_log_is_checked_and_compared_with_regions(client):
    answer = client.get("/v1/audit/verification").json()

    assert answer["broken"] is None
    assert answer["rows_checked"] >= 5
    assert [one["region"] for one in answer["regions"]] == ["here", "there"]


def test_rows_that_are_gone_are_accepted_with_a_code_and_named_from_then_on(client, runtime, tmp_path, step_up):
    catalog, older = tmp_path / "catalog.db", tmp_path / "older.db"
    for store in runtime.stores.values():
        store.prepare()
    runtime.catalog.close()
    shutil.copy(catalog, older)
    with runtime.catalog.begin() as session:
        record(session, AuditEvent("user_updated", "what is lost"))
    log = AuditLog(runtime.catalog, runtime.purpose_keys, runtime.stores)
    HeadKeeping(log, runtime.clock).keep()
    runtime.catalog.close()
    shutil.copy(older, catalog)
    (lost,) = client.get("/v1/audit/verification").json()["lost"]
    body = {"head": lost["head"], "reason": "the disk died"}

    assert client.post("/v1/audit/acceptances", json=body).json()["code"] == "access.step_up_required"
    other = step_up("audit.accept", "7.00")
    assert client.post("/v1/audit/acceptances", json=body, headers=other).json()["code"] == "stepup.refused"
    answer = client.post("/v1/audit/acceptances", json=body, headers=step_up("audit.accept", lost["head"]))

    assert (answer.status_code, answer.json()) == (201, {"items": [lost]})
    checked = client.get("/v1/audit/verification").json()
    assert (checked["broken"], checked["lost"]) == (None, [])
    assert [(one["by"], one["reason"], one["lost"]) for one in checked["accepted"]] == [("ada", "the disk died", lost)]
    again = client.post("/v1/audit/acceptances", json=body, headers=step_up("audit.accept", lost["head"]))
    assert (again.status_code, again.json()["code"]) == (404, "audit.nothing_to_accept")


def test_no_machine_and_no_stranger_reads_it(make_machine, stranger):
    assert make_machine("read").get("/v1/audit").json()["code"] == "access.permission_denied"
    assert make_machine("read").get("/v1/audit/verification").status_code == 403
    assert stranger.get("/v1/audit").status_code == 401


def test_nobody_writes_it(client):
    assert {client.request(method, "/v1/audit").status_code for method in ("POST", "PUT", "DELETE")} == {405}
