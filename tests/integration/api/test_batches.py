"""Many requests at once: all are accepted or none is, and what is wrong is named by its place."""

import uuid

import pytest

from strongroom.catalog.backups import BackupState

PATIENCE_SECONDS = 30


def items(*sources):
    return {"items": [{"job": "backup", "source": source} for source in sources]}


def test_a_batch_is_accepted_as_one_job_an_item_in_order(client, broker, make_backup):
    backup = str(make_backup("website"))
    body = {
        "items": [
            {"job": "backup", "source": "shop"},
            {"job": "verification", "backup": backup, "region": "there"},
            {"job": "probe", "queue": "copy"},
        ]
    }

    answer = client.post("/v1/batches", json=body)

    assert answer.status_code == 202
    ids = answer.json()["jobs"]
    jobs = [client.get(f"/v1/jobs/{job_id}").json() for job_id in ids]
    assert [job["kind"] for job in jobs] == ["backup.run", "verification.run", "queue.probe"]
    assert client.get(f"/v1/verifications/{ids[1]}").json()["region"] == "there"
    queues = {str(m.job_id): m.queue for m in (broker.taken.get(timeout=PATIENCE_SECONDS) for _ in ids)}
    assert [queues[job_id] for job_id in ids] == ["backup", "maintenance", "copy"]


def test_a_batch_sent_twice_with_its_keys_makes_each_job_once(client, make_backup):
    backup = str(make_backup("website"))
    body = {
        "items": [
            {"job": "backup", "source": "shop", "idempotency_key": "monday-shop"},
            {"job": "verification", "backup": backup, "idempotency_key": "monday-check"},
        ]
    }

    first, second = (client.post("/v1/batches", json=body).json() for _ in range(2))

    assert first == second
    assert len(client.get("/v1/jobs").json()["items"]) == 2
    alone = client.post("/v1/backups", json={"source": "shop"}, headers={"Idempotency-Key": "monday-shop"})
    assert alone.json()["id"] == first["jobs"][0]


def test_one_wrong_item_refuses_all_and_is_named(client, make_backup):
    open_backup = str(make_backup("website", BackupState.RUNNING))
    body = items("website", "nowhere")
    body["items"] += [{"job": "verification", "backup": open_backup}]

    answer = client.post("/v1/batches", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "jobs.batch_refused")
    assert [error["place"] for error in answer.json()["errors"]] == ["body.items.1", "body.items.2"]
    assert answer.json()["errors"][0]["code"] == "settings.unknown_source"
    assert client.get("/v1/jobs").json()["items"] == []


def test_a_key_that_belongs_to_something_else_is_named(client):
    client.post("/v1/backups", json={"source": "website"}, headers={"Idempotency-Key": "monday"})
    body = items("website", "shop")
    body["items"][1]["idempotency_key"] = "monday"

    answer = client.post("/v1/batches", json=body)

    assert answer.json()["errors"][0]["place"] == "body.items.1"
    assert answer.json()["errors"][0]["code"] == "jobs.idempotency_conflict"


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ({"job": "backup"}, "body.items.1.backup.source"),
        ({"job": "restore", "backup": str(uuid.uuid4())}, "body.items.1"),
        ({"job": "probe", "queue": "elsewhere"}, "body.items.1.probe.queue"),
        ({"job": "probe", "queue": "copy", "idempotency_key": "a b"}, "body.items.1.probe.idempotency_key"),
    ],
)
def test_an_item_that_is_no_request_is_named(client, item, place):
    body = items("website")
    body["items"].append(item)

    answer = client.post("/v1/batches", json=body)

    assert answer.status_code == 422
    assert [error["place"] for error in answer.json()["errors"]] == [place]


def test_a_batch_has_an_end(client):
    assert client.post("/v1/batches", json={"items": []}).status_code == 422
    assert client.post("/v1/batches", json=items(*["website"] * 1001)).status_code == 422
    accepted = client.post("/v1/batches", json=items(*["website"] * 1000))
    assert accepted.status_code == 202
    assert len(set(accepted.json()["jobs"])) == 1000


def test_with_the_broker_away_a_batch_is_accepted(client, broker):
    broker.away = True

    answer = client.post("/v1/batches", json=items("website", "shop"))

    assert answer.status_code == 202
    broker.refused.get(timeout=PATIENCE_SECONDS)
    assert {job["state"] for job in client.get("/v1/jobs").json()["items"]} == {"queued"}


def test_every_queue_is_probed_unless_some_are_named(client, broker):
    every = client.post("/v1/probes", json={}).json()["jobs"]
    (one,) = client.post("/v1/probes", json={"queues": ["restore"]}).json()["jobs"]

    assert client.get(f"/v1/jobs/{one}").json()["args"] == {"queue": "restore"}
    taken = [broker.taken.get(timeout=PATIENCE_SECONDS).queue for _ in range(len(every) + 1)]
    assert sorted(taken) == sorted(["restore", "backup", "copy", "reencrypt", "maintenance", "restore"])
