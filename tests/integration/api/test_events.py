"""Following a job by server-sent events."""

import json
import uuid

import pytest
from sqlalchemy import update

from strongroom.catalog.jobs import Job
from strongroom.jobs.failures import JobFailure


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


def events(stream):
    """Yield each event of a stream as its fields; comments are left out."""
    fields = {}
    for line in stream.iter_lines():
        if not line and fields:
            yield fields
            fields = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def job_of(event):
    return json.loads(event["data"])


@pytest.fixture
def job_id(client):
    return uuid.UUID(client.post("/v1/backups", json={"source": "website"}).json()["id"])


def test_a_job_is_followed_to_its_end(client, runtime, job_id):
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        seen = events(stream)
        first = next(seen)
        claim = runtime.ledger.claim(job_id, "a test")
        second = next(seen)
        runtime.ledger.finish(claim, {"answer": 42})
        rest = list(seen)

    assert (first["event"], job_of(first)["state"]) == ("state", "queued")
    assert (second["event"], job_of(second)["state"]) == ("state", "running")
    assert [job_of(event)["state"] for event in rest] == ["succeeded"]
    assert job_of(rest[-1])["result"] == {"answer": 42}


def test_progress_is_an_event_of_its_own(client, runtime, job_id):
    claim = runtime.ledger.claim(job_id, "a test")
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        seen = events(stream)
        next(seen)
        with runtime.catalog.begin() as session:
            session.execute(claim_progress(claim, {"phase": "reading", "done_bytes": 5}))
        event = next(seen)

    assert event["event"] == "progress"
    assert job_of(event)["progress"] == {"phase": "reading", "done_bytes": 5}


def claim_progress(claim, progress):
    return update(Job).where(claim.held).values(progress=progress)


def test_a_failed_job_ends_the_stream_with_its_error(client, runtime, job_id):
    claim = runtime.ledger.claim(job_id, "a test")
    runtime.ledger.fail(claim, JobFailure("sources.gone", "The source is gone.", "Bring it back.", retryable=False))

    with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
        (event,) = events(stream)

    assert job_of(event)["last_error"]["code"] == "sources.gone"


def test_a_client_that_comes_back_is_told_only_what_is_new(client, runtime, job_id):
    path = f"/v1/jobs/{job_id}/events"
    with client.stream("GET", path) as stream:
        first = next(events(stream))
    claim = runtime.ledger.claim(job_id, "a test")
    with client.stream("GET", path, headers={"Last-Event-ID": first["id"]}) as stream:
        second = next(events(stream))
    with client.stream("GET", path, headers={"Last-Event-ID": second["id"]}) as stream:
        runtime.ledger.finish(claim, {})
        third = next(events(stream))

    assert [job_of(event)["state"] for event in (first, second, third)] == ["queued", "running", "succeeded"]
    assert len({first["id"], second["id"], third["id"]}) == 3


def test_a_client_that_has_seen_the_end_is_told_it_again_and_let_go(client, runtime, job_id):
    runtime.ledger.finish(runtime.ledger.claim(job_id, "a test"), {})
    path = f"/v1/jobs/{job_id}/events"
    with client.stream("GET", path) as stream:
        (last,) = events(stream)

    with client.stream("GET", path, headers={"Last-Event-ID": last["id"]}) as stream:
        again = list(events(stream))

    assert [event["id"] for event in again] == [last["id"]]


def test_a_job_that_is_not_there_has_no_events(client):
    answer = client.get(f"/v1/jobs/{uuid.uuid4()}/events")

    assert (answer.status_code, answer.json()["code"]) == (404, "jobs.not_found")
