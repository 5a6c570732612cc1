"""Ids on every answer, the same ones in the ledger, and the story that they lead to."""

import json
import re
import uuid

import pytest
from sqlalchemy import select

from strongroom.catalog.jobs import Job

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEX = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health/live", 200),
        ("GET", "/v1/nowhere", 404),
        ("DELETE", "/v1/backups", 405),
        ("GET", "/v1/jobs", 401),
        ("POST", "/v1/backups", 401),
        ("GET", "/%00%0d%0aX-Evil:1", 404),
    ],
)
def test_both_ids_are_on_every_answer_and_in_the_body_of_every_error(stranger, method, path, status):
    answer = stranger.request(method, path)

    assert answer.status_code == status
    assert HEX.fullmatch(answer.headers["x-request-id"])
    assert str(uuid.UUID(answer.headers["x-trace-id"])) == answer.headers["x-trace-id"]
    if status != 200:
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.json()["code"]


def test_a_body_that_is_too_long_is_answered_with_both_ids(stranger):
    answer = stranger.post("/v1/backups", content=b"x" * ((1 << 20) + 1), headers={"X-Trace-Id": TRACE})

    assert (answer.status_code, answer.headers["x-trace-id"]) == (413, TRACE)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_what_nobody_foresaw_is_answered_with_both_ids(client, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("api.traces.tell_story", fail)

    answer = client.get(f"/v1/traces/{TRACE}", headers={"X-Trace-Id": TRACE})

    assert (answer.status_code, answer.headers["x-trace-id"]) == (500, TRACE)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_request_leads_to_a_job_and_the_job_to_its_story(client, runtime, broker):
    answer = client.post(
        "/v1/backups", json={"source": "website"}, headers={"X-Trace-Id": str(uuid.UUID(TRACE)).upper()}
    )

    assert answer.headers["x-trace-id"] == str(uuid.UUID(TRACE)).upper()
    with runtime.catalog.read() as session:
        job = session.scalars(select(Job)).one()
    assert (job.trace_id, job.request_id) == (TRACE, answer.headers["x-request-id"])
    message = broker.taken.get(timeout=10)
    assert (message.trace_id, message.request_id) == (TRACE, job.request_id)
    for named in (TRACE, str(uuid.UUID(TRACE)), job.request_id):
        story = client.get(f"/v1/traces/{named}").json()
        assert (story["trace_id"], story["request_ids"]) == (TRACE, [job.request_id])
        assert [event["kind"] for event in story["events"] if event["kind"] in ("request", "job")] == ["request", "job"]


def test_a_story_is_for_who_may_read_and_its_audit_rows_for_admins(client, make_machine, stranger):
    client.post("/v1/backups", json={"source": "website"}, headers={"X-Trace-Id": TRACE})

    assert stranger.get(f"/v1/traces/{TRACE}").status_code == 401
    assert make_machine("run").get(f"/v1/traces/{TRACE}").status_code == 403
    machine = make_machine("read").get(f"/v1/traces/{TRACE}")
    assert machine.status_code == 200
    assert "audit" not in {event["kind"] for event in machine.json()["events"]}
    assert json.dumps(machine.json()).count("ada") == 0


def test_an_id_that_leads_nowhere_says_so(client):
    assert client.get("/v1/traces/nonsense").json()["code"] == "traces.invalid_id"
    assert client.get(f"/v1/traces/{TRACE}").json()["code"] == "traces.not_found"
