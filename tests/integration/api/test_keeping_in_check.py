"""Pausing, resuming and deadlines over HTTP."""

from datetime import datetime

import pytest

from strongroom.jobs.outbox import publish_due

PATIENCE_SECONDS = 30


def backup(client, **fields):
    answer = client.post("/v1/backups", json={"source": "website"} | fields)
    assert answer.status_code == 202
    return answer.json()


def test_a_queue_is_paused_and_resumed(client, runtime, broker):
    paused = client.post("/v1/queues/backup/pause", json={"reason": "disk change"}).json()
    assert (paused["queue"], paused["paused"], paused["paused_by"]) == ("backup", True, "ada")
    job = backup(client)
    copy = client.post("/v1/probes", json={"queues": ["copy"]}).json()["jobs"][0]
    assert str(broker.taken.get(timeout=PATIENCE_SECONDS).job_id) == copy

    listed = {queue["queue"]: queue for queue in client.get("/v1/queues").json()}
    assert (listed["backup"]["waiting"], listed["backup"]["reason"]) == (1, "disk change")
    assert [queue["queue"] for queue in client.get("/v1/status").json()["paused_queues"]] == ["backup"]

    assert not client.post("/v1/queues/backup/resume").json()["paused"]
    publish_due(runtime.ledger, broker.publish)
    assert str(broker.taken.get(timeout=PATIENCE_SECONDS).job_id) == job["id"]


@pytest.mark.parametrize("path", ["/v1/queues/control/pause", "/v1/queues/nothing/resume"])
def test_only_queues_of_jobs_are_paused(client, path):
    assert client.post(path, json={"reason": "x"}).status_code == 422


def test_a_pause_needs_a_reason(client):
    assert client.post("/v1/queues/backup/pause", json={}).status_code == 422


def test_a_job_is_paused_and_handed_over_again_when_it_is_resumed(client, broker):
    job = backup(client)
    broker.taken.get(timeout=PATIENCE_SECONDS)

    assert client.post(f"/v1/jobs/{job['id']}/pause").json()["state"] == "paused"
    assert client.post(f"/v1/jobs/{job['id']}/resume").json()["state"] == "queued"

    assert str(broker.taken.get(timeout=PATIENCE_SECONDS).job_id) == job["id"]


def test_a_job_that_is_over_is_not_paused(client):
    job = backup(client)
    client.post(f"/v1/jobs/{job['id']}/cancel")

    answer = client.post(f"/v1/jobs/{job['id']}/pause")

    assert (answer.status_code, answer.json()["code"]) == (409, "jobs.finished")


def test_a_request_brings_its_deadline(client):
    job = backup(client, deadline_seconds=90)

    deadline, created = (datetime.fromisoformat(job[name]) for name in ("deadline_at", "created_at"))
    assert (deadline - created).total_seconds() == 90
    assert backup(client)["deadline_at"] is None


@pytest.mark.parametrize("seconds", [0, -1, 10**9, "soon"])
def test_a_deadline_that_cannot_be_is_refused(client, seconds):
    assert client.post("/v1/backups", json={"source": "website", "deadline_seconds": seconds}).status_code == 422


def test_a_whole_region_is_checked_on_request(client):
    asked = {"region": "there", "level": "sample"}
    answer = client.post("/v1/region-verifications", json=asked, headers={"Idempotency-Key": "k"})
    again = client.post("/v1/region-verifications", json=asked, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["kind"]) == (202, "verification.region")
    assert again.json()["id"] == answer.json()["id"]
    shown = client.get(f"/v1/region-verifications/{answer.json()['id']}").json()
    assert (shown["region"], shown["level"], shown["passed"]) == ("there", "sample", None)
    assert client.get("/v1/region-verifications", params={"region": "there"}).json()["items"] == [shown]
    assert client.get("/v1/region-verifications", params={"region": "here"}).json()["items"] == []
    assert client.post("/v1/region-verifications", json={"region": "nowhere"}).status_code == 404
    regions = {region["name"]: region for region in client.get("/v1/status").json()["regions"]}
    assert regions["there"]["healthy"]
    assert regions["there"]["presence"] is None


@pytest.mark.parametrize("apply", [False, True])
def test_a_copy_is_repaired_on_request(client, make_backup, apply):
    body = {"backup": str(make_backup()), "region": "there", "apply": apply}
    answer = client.post("/v1/repairs", json=body, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["kind"], answer.json()["args"]) == (202, "repair.run", body)
    assert client.post("/v1/repairs", json=body, headers={"Idempotency-Key": "k"}).json()["id"] == answer.json()["id"]
    other = body | {"apply": not apply}
    assert client.post("/v1/repairs", json=other, headers={"Idempotency-Key": "k"}).status_code == 409
    assert client.post("/v1/repairs", json=body | {"region": "nowhere"}).status_code == 404


def test_key_slots_move_to_the_current_version_on_request_and_none_is_removed(client):
    answer = client.post("/v1/rotations", json={"region": "there"}, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["kind"]) == (202, "rotation.run")
    assert answer.json()["args"] == {"region": "there", "remove_old": False}
    assert client.post("/v1/rotations", json={"region": "there", "remove_old": True}).status_code == 422
    assert client.post("/v1/rotations", json={"region": "nowhere"}).status_code == 404


def test_a_restore_is_planned_on_request_without_a_confirmation(client, make_backup):
    body = {"backup": str(make_backup()), "target": {"kind": "files", "path": "/srv/restored"}, "overwrite": True}
    assert client.post("/v1/restores", json=body).status_code == 403
    answer = client.post("/v1/restores/plan", json=body)

    assert (answer.status_code, answer.json()["kind"]) == (202, "restore.plan")
    assert client.get("/v1/restores").json()["items"] == []
    assert client.post("/v1/restores/plan", json=body | {"backup": "latest:shop"}).status_code == 404
