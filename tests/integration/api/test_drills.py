"""Drills over HTTP: asked for, listed, shown, and their evidence."""

import uuid
from datetime import timedelta

import pytest

from strongroom.catalog.backups import Backup, BackupKind, BackupState
from strongroom.catalog.drills import Drill, DrillState, get_drill
from strongroom.ids import new_id


@pytest.fixture
def backup_id(runtime):
    """A protected backup of the website."""
    made, now = new_id(runtime.clock, runtime.random), runtime.clock.now()
    with runtime.catalog.begin() as session:
        session.add(
            Backup(
                id=made, source="website", source_kind="files", kind=BackupKind.FULL, state=BackupState.COMMITTED,
                session_id=made, trace_id="0" * 32, policy="operational-data", regions=["here", "there"],
                created_at=now, protected_at=now,
            )
        )  # fmt: skip
    return str(made)


def decide(runtime, drill_id, report):
    with runtime.catalog.begin() as session:
        drill = get_drill(session, uuid.UUID(drill_id))
        drill.state, drill.finished_at = DrillState.PASSED, runtime.clock.now()
        drill.seconds, drill.report = 1.5, report


def test_a_drill_is_a_job_that_is_listed_and_shown(client, runtime, broker, backup_id):
    answer = client.post("/v1/drills", json={"source": "website", "region": "there"})

    job = answer.json()
    assert (answer.status_code, job["kind"], answer.headers["location"]) == (202, "drill.run", f"/v1/jobs/{job['id']}")
    assert str(broker.taken.get(timeout=30).job_id) == job["id"]
    (listed,) = client.get("/v1/drills", params={"source": "website", "state": "open"}).json()["items"]
    assert (listed["id"], listed["region"], listed["report"]) == (job["id"], "there", None)
    assert client.get(f"/v1/drills/{job['id']}").json() == listed
    assert client.get("/v1/drills", params={"state": "failed"}).json()["items"] == []


def test_evidence_is_there_when_the_drill_is_decided(client, runtime, backup_id):
    drill_id = client.post("/v1/drills", json={"source": "website", "backup": backup_id}).json()["id"]
    undecided = client.get(f"/v1/drills/{drill_id}/evidence")
    assert undecided.json()["code"] == "drills.undecided"

    decide(runtime, drill_id, {"passed": True, "files": 3})

    evidence = client.get(f"/v1/drills/{drill_id}/evidence").json()
    assert {key: evidence[key] for key in ("format", "drill", "backup", "passed", "files")} == {
        "format": "strongroom-drill-1", "drill": drill_id, "backup": backup_id, "passed": True, "files": 3
    }  # fmt: skip
    assert evidence["finished_at"].endswith("Z")


def test_the_same_key_is_the_same_drill(client, backup_id):
    asked = [
        client.post("/v1/drills", json={"source": "website"}, headers={"Idempotency-Key": "saturday"}) for _ in range(2)
    ]
    assert len({answer.json()["id"] for answer in asked}) == 1


def test_what_cannot_be_drilled_is_said(client, backup_id):
    refused = {
        "settings.unknown_source": {"source": "nothing"},
        "settings.unknown_region": {"source": "website", "region": "nowhere"},
        "drills.nothing_to_restore": {"source": "shop"},
        "catalog.record_not_found": {"source": "website", "backup": str(uuid.uuid4())},
        "api.invalid_request": {"source": "website", "sauce": 1},
    }
    for code, body in refused.items():
        assert client.post("/v1/drills", json=body).json()["code"] == code


def test_what_is_not_there_is_said_and_lists_are_paged(client, runtime, backup_id):
    assert client.get(f"/v1/drills/{uuid.uuid4()}").status_code == 404
    now = runtime.clock.now()
    with runtime.catalog.begin() as session:
        for number in range(3):
            made = Drill(id=new_id(runtime.clock, runtime.random), source="website", state=DrillState.FAILED)
            made.created_at = now - timedelta(days=number)
            session.add(made)
    first = client.get("/v1/drills", params={"limit": 2}).json()
    rest = client.get("/v1/drills", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


def test_schedules_say_when_drills_are_held(client):
    (website, shop) = client.get("/v1/schedules", params={"count": 2}).json()
    assert [len(one["drill"]["next"]) for one in (website, shop)] == [2, 2]
    assert website["drill"]["cron"] == "0 5 * * 6"
