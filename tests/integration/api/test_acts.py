"""What requests leave in the audit log: who, from where, what, and what became of it."""

import re
import uuid
from typing import Any

import httpx
import pytest

from strongroom.access.operation import Gravity
from strongroom.access.operations import OPERATIONS
from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.audit.events import digest
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.audit import AuditRow
from strongroom.catalog.dbtime import database_now
from strongroom.runtime import Runtime
from tests.services.audit import audit_rows


def of_request(runtime: Runtime, answer: httpx.Response) -> list[AuditRow]:
    """Return the rows of a request."""
    return audit_rows(runtime.catalog, request_id=answer.headers["X-Request-ID"])


def refusals(app: Any, runtime: Runtime, **columns: str) -> list[AuditRow]:
    """Return the rows of refused requests, once those that wait are written."""
    app.state.refusals.flush()
    return audit_rows(runtime.catalog, **columns)


def test_a_change_leaves_one_row_that_says_who_did_what_from_where(client, runtime):
    answer = client.post("/v1/queues/backup/pause", json={"reason": "disk change"}, headers={"X-Trace-Id": "a" * 32})

    (row,) = of_request(runtime, answer)
    assert (row.actor_kind, row.actor_name, row.address) == ("operator", "ada", "127.0.0.1")
    assert (row.operation, row.action, row.target) == (*("POST /v1/queues/{queue}/pause",) * 2, "backup")
    assert (row.outcome, row.reason, row.trace_id) == ("done", "disk change", "a" * 32)


def test_what_only_looks_leaves_no_row(client, runtime):
    assert client.get("/v1/queues").status_code == 200
    assert audit_rows(runtime.catalog) == []


def test_an_act_that_changes_nothing_leaves_its_row_too(client, runtime):
    body = {"source": "website"}
    first, again = (client.post("/v1/backups", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))

    assert first.json()["id"] == again.json()["id"]
    assert [len(of_request(runtime, answer)) for answer in (first, again)] == [1, 1]
    (row,) = of_request(runtime, first)
    assert (row.target, row.reason) == ("backup.run website", f"job {first.json()['id']}")


def test_a_change_by_a_step_up_leaves_one_row_that_names_the_step_up(client, runtime, step_up):
    hold = client.post("/v1/holds", json={"source": "website", "reason": "case 4711"}).json()
    permit = step_up("holds.release", "website", hold["id"])
    body = {"reason": "closed", "confirm": "website"}
    answer = client.post(f"/v1/holds/{hold['id']}/release", json=body, headers=permit)

    (row,) = of_request(runtime, answer)
    assert row.operation == row.action == "POST /v1/holds/{hold_id}/release"
    assert f"step-up {permit['Step-Up']} holds.release {hold['id']}" in row.reason
    assert row.reason.startswith("closed")
    assert [one.action for one in audit_rows(runtime.catalog, outcome="done")] == [
        "POST /v1/holds", "step_up_asked", "step_up_confirmed", "POST /v1/holds/{hold_id}/release",
    ]  # fmt: skip


def test_a_refused_step_up_leaves_a_row_with_its_reason(client, runtime):
    answer = client.post(
        f"/v1/holds/{uuid.uuid4()}/release",
        json={"reason": "closed", "confirm": "website"},
        headers={"Step-Up": "canary-of-nothing"},
    )

    (row,) = of_request(runtime, answer)
    assert (row.action, row.outcome, row.reason.partition(";")[0]) == ("step_up_used", "refused", "malformed")
    assert "canary" not in row.reason


def test_a_silence_is_told_with_a_digest_of_what_it_silences(client, runtime):
    wish = {"matcher": {"source": "shop"}, "reason": "moving", "seconds": 60}
    answer = client.post("/v1/alert-silences", json=wish)

    (row,) = of_request(runtime, answer)
    assert row.after_digest == digest({"matcher": {"source": "shop"}, "seconds": 60})
    assert (row.target, row.reason) == ("silence [('source', 'shop')]", "moving")


def test_what_somebody_may_not_do_leaves_a_refusal(app, make_machine, runtime):
    machine = make_machine("read")
    assert machine.post("/v1/queues/backup/pause", json={"reason": "disk change"}).status_code == 403

    (row,) = refusals(app, runtime, action="authz_fail")
    assert (row.actor_kind, row.actor_name, row.outcome) == ("service", "machine-0", "refused")
    assert (row.operation, row.target) == ("POST /v1/queues/{queue}/pause", "backup")
    assert row.reason == "access.permission_denied"


def test_what_comes_to_nothing_leaves_a_row_with_the_code(app, client, runtime):
    assert client.post(f"/v1/alerts/{uuid.uuid4()}/ack").status_code == 404

    (row,) = refusals(app, runtime, outcome="failed")
    assert (row.action, row.reason) == ("POST /v1/alerts/{alert_id}/ack", "alerts.not_found")


def test_a_change_that_cannot_be_written_down_does_not_happen(client, runtime):
    with runtime.catalog.begin() as session:
        alert = open_alert(
            session, AlertReport(AlertType.FAILURE, Severity.HIGH, "c", "m", "Look.", database_now(session))
        )
    with runtime.catalog.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_head RENAME TO gone")

    assert client.post(f"/v1/alerts/{alert.id}/ack").status_code in (500, 503)
    with runtime.catalog.read() as session:
        assert session.get_one(Alert, alert.id).state is AlertState.OPEN


@pytest.mark.parametrize("times", [1, 700])
def test_a_flood_of_wrong_tokens_leaves_few_rows_and_every_one_is_counted(app, stranger, runtime, times):
    for _ in range(times):
        assert stranger.get("/v1/jobs", headers={"Authorization": "Bearer wrong"}).status_code == 401

    rows = refusals(app, runtime, action="authn_login_fail")
    told = [int(row.reason.rpartition(", ")[2].removesuffix(" times")) if "times" in row.reason else 1 for row in rows]
    assert sum(told) == times
    assert len(rows) <= max(1, times // 10)
    assert {(row.actor_kind, row.address, row.operation) for row in rows} == {("stranger", "127.0.0.1", "GET /v1/jobs")}


ACTS = [
    name
    for name, operation in OPERATIONS.items()
    if " /" in name and operation.public is None and operation.gravity is not Gravity.READ
]
"""The routes that do more than read."""


@pytest.mark.parametrize("who", ["nobody", "a machine that may look only"])
def test_every_route_that_does_more_than_read_leaves_a_row_when_it_is_refused(
    app, stranger, make_machine, runtime, who
):
    caller, status, action = (
        (stranger, 401, "authn_login_fail") if who == "nobody" else (make_machine("read"), 403, "authz_fail")
    )
    for name in ACTS:
        method, path = name.split()
        answer = caller.request(method, re.sub(r"{[^}]+}", str(uuid.UUID(int=7)), path), json={})
        assert answer.status_code == status, name

    rows = refusals(app, runtime, action=action)
    assert sorted(row.operation for row in rows) == sorted(ACTS)
    assert {row.outcome for row in rows} == {"refused"}
