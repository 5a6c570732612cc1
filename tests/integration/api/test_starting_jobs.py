"""Asking for backups, restores and verifications."""

import json
import uuid

import pytest

from strongroom.catalog.backups import BackupState
from strongroom.jobs.outbox import publish_due

PATIENCE_SECONDS = 30


def start(client, body, path="/v1/backups", key=None):
    return client.post(path, json=body, headers={} if key is None else {"Idempotency-Key": key})


def test_a_backup_is_accepted_as_a_job_and_handed_to_the_broker(client, broker, runtime):
    answer = start(client, {"source": "website"})

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["state"], job["args"]) == ("backup.run", "queued", {"source": "website", "kind": "auto"})
    assert client.get(answer.headers["location"]).json()["id"] == job["id"]
    assert str(broker.taken.get(timeout=PATIENCE_SECONDS).job_id) == job["id"]


def test_the_message_carries_the_id_and_the_trace_id_of_the_request(client, broker):
    trace_id = uuid.uuid4()
    job = client.post("/v1/backups", json={"source": "website"}, headers={"X-Trace-Id": str(trace_id)}).json()

    message = broker.taken.get(timeout=PATIENCE_SECONDS)
    assert (str(message.job_id), message.trace_id) == (job["id"], trace_id.hex)
    assert message.queue == "backup"


def test_the_same_key_twice_is_the_same_job(client, broker):
    first = start(client, {"source": "website"}, key="monday")
    second = start(client, {"source": "website"}, key="monday")

    assert first.status_code == second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    assert len(client.get("/v1/jobs").json()["items"]) == 1
    assert str(broker.taken.get(timeout=PATIENCE_SECONDS).job_id) == first.json()["id"]


def test_the_same_key_with_another_request_is_a_conflict(client):
    first = start(client, {"source": "website"}, key="monday").json()

    answer = start(client, {"source": "shop"}, key="monday")

    assert answer.status_code == 409
    assert answer.json()["code"] == "jobs.idempotency_conflict"
    assert first["id"] in answer.json()["detail"]


def test_without_a_key_every_request_is_a_job_of_its_own(client):
    jobs = {start(client, {"source": "website"}).json()["id"] for _ in range(3)}

    assert len(jobs) == 3


@pytest.mark.parametrize("key", ["", "x" * 161, "with space", "tab\tinside"])
def test_a_key_that_cannot_be_kept_is_refused(client, key):
    answer = start(client, {"source": "website"}, key=key)

    assert answer.status_code == 422


def test_with_the_broker_away_the_job_is_accepted_and_handed_over_later(client, broker, runtime):
    broker.away = True
    answer = start(client, {"source": "website"})
    assert answer.status_code == 202
    assert str(broker.refused.get(timeout=PATIENCE_SECONDS).job_id) == answer.json()["id"]

    broker.away = False
    # Whoever was refused may still be about to let go of the row.
    while broker.taken.empty():
        publish_due(runtime.ledger, broker.publish)

    assert str(broker.taken.get_nowait().job_id) == answer.json()["id"]


def test_an_unknown_source_is_named_with_its_nearest_neighbour(client):
    answer = start(client, {"source": "websit"})

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "websit" in answer.json()["detail"]
    assert "website" in answer.json()["next_step"]


def test_a_restore_is_accepted_with_a_job_of_the_same_id(client, make_backup):
    backup = make_backup()
    body = {"backup": "latest:website", "target": {"kind": "files", "path": "/srv/restored"}}

    answer = start(client, body, "/v1/restores")

    restore = client.get(f"/v1/restores/{answer.json()['id']}").json()
    assert answer.status_code == 202
    assert restore["backup_id"] == str(backup)
    assert restore["target"] == {"kind": "files", "path": "/srv/restored"}
    assert [item["id"] for item in client.get("/v1/restores").json()["items"]] == [restore["id"]]
    assert client.get("/v1/restores", params={"backup": str(uuid.uuid4())}).json()["items"] == []


def test_a_restore_into_a_database_keeps_no_address_and_no_password(client, make_backup):
    make_backup("shop")
    body = {"backup": "latest:shop", "target": {"kind": "postgres", "server": "shop", "dbname": "shop_again"}}

    answer = start(client, body, "/v1/restores")

    assert answer.status_code == 202
    assert answer.json()["args"]["target"] == {"kind": "postgres", "server": "shop", "dbname": "shop_again"}


def test_a_part_of_a_tree_can_be_asked_for(client, make_backup):
    make_backup()
    target = {"kind": "files", "path": "/srv/restored"}
    selection = {"paths": ["photos"], "include": [], "exclude": ["*.tmp"]}
    body = {"backup": "latest:website", "target": target, "selection": selection}

    accepted = start(client, body, "/v1/restores")
    refused = start(client, body | {"selection": {"paths": ["../etc"]}}, "/v1/restores")

    assert accepted.json()["args"]["selection"] == selection
    assert (refused.status_code, refused.json()["code"]) == (422, "backup.bad_selection")


def test_overwriting_needs_the_name_of_the_target_and_a_step_up(client, make_backup, step_up):
    make_backup()
    body = {
        "backup": "latest:website",
        "target": {"kind": "files", "path": "/srv/restored"},
        "overwrite": True,
        "confirm": "/srv/other",
    }

    refused = start(client, body, "/v1/restores")
    bare = start(client, body | {"confirm": "/srv/restored"}, "/v1/restores")
    client.headers.update(step_up("restore.overwrite", "/srv/restored", "latest:website"))
    allowed = start(client, body | {"confirm": "/srv/restored"}, "/v1/restores")

    assert (refused.status_code, refused.json()["code"]) == (403, "backup.overwrite_not_confirmed")
    assert (bare.status_code, bare.json()["code"]) == (403, "stepup.refused")
    assert allowed.status_code == 202


def test_what_is_not_committed_cannot_be_restored(client, make_backup):
    backup = make_backup(state=BackupState.RUNNING)
    body = {"backup": str(backup), "target": {"kind": "files", "path": "/srv/restored"}}

    answer = start(client, body, "/v1/restores")

    assert (answer.status_code, answer.json()["code"]) == (409, "backup.not_committed")


def test_a_verification_is_accepted_with_a_job_of_the_same_id(client, make_backup):
    backup = make_backup()

    answer = start(client, {"backup": str(backup), "region": "there", "level": "data"}, "/v1/verifications")

    verification = client.get(f"/v1/verifications/{answer.json()['id']}").json()
    assert answer.status_code == 202
    assert (verification["region"], verification["level"], verification["passed"]) == ("there", "data", None)
    assert [item["id"] for item in client.get("/v1/verifications").json()["items"]] == [verification["id"]]


def test_no_answer_shows_the_password_of_a_source(client):
    start(client, {"source": "shop"})
    pages = [client.get(path).text for path in ("/v1/sources", "/v1/status", "/v1/jobs", "/openapi.json")]

    assert "shop" in pages[0]
    assert [page for page in pages if "canary-database-password" in page] == []


def test_a_waiting_job_is_cancelled_at_once_and_not_twice(client, runtime):
    job = start(client, {"source": "website"}).json()

    cancelled = client.post(f"/v1/jobs/{job['id']}/cancel")

    assert cancelled.status_code == 202
    assert client.get(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"
    assert client.post(f"/v1/jobs/{uuid.uuid4()}/cancel").status_code == 404


def test_sources_are_listed_with_where_their_backups_go(client):
    sources = {source["name"]: source for source in client.get("/v1/sources").json()}

    assert sources["shop"]["location"] == "shop on localhost:5432"
    assert (sources["shop"]["policy"], sources["shop"]["retention_days"]) == ("critical-data", 365)
    assert sources["website"]["regions"] == ["here", "there"]


def test_the_description_of_the_api_is_json_with_its_problems(client):
    description = client.get("/openapi.json").json()

    answers = description["paths"]["/v1/backups"]["post"]["responses"]
    assert {"202", "401", "404", "409", "422", "503"} <= answers.keys()
    assert list(answers["409"]["content"]) == ["application/problem+json"]
    assert "Idempotency-Key" in json.dumps(description)
