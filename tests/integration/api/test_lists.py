"""Lists are paged by key: no gap, no row twice, whatever is added meanwhile."""

import uuid

import pytest

from strongroom.catalog.backups import BackupState, Replica, ReplicaState


def pages(client, path, **parameters):
    cursor = None
    while True:
        page = client.get(path, params=parameters | ({} if cursor is None else {"cursor": cursor})).json()
        yield page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def test_pages_show_every_row_once_newest_first(client, make_backup):
    made = [str(make_backup()) for _ in range(7)]

    shown = list(pages(client, "/v1/backups", limit=3))

    assert [len(page) for page in shown] == [3, 3, 1]
    assert [row["id"] for page in shown for row in page] == sorted(made, reverse=True)


def test_a_row_that_is_added_between_two_pages_shifts_nothing(client, make_backup):
    made = [str(make_backup()) for _ in range(4)]
    walk = pages(client, "/v1/backups", limit=2)
    first = next(walk)

    make_backup()

    assert [row["id"] for row in [*first, *next(walk)]] == sorted(made, reverse=True)


def test_backups_are_found_by_source_and_state(client, make_backup):
    wanted = make_backup("shop", BackupState.COMMITTED)
    make_backup("shop", BackupState.ABORTED)
    make_backup("website")

    found = client.get("/v1/backups", params={"source": "shop", "state": "committed"}).json()["items"]

    assert [row["id"] for row in found] == [str(wanted)]


def test_jobs_are_found_by_state_kind_and_source(client):
    job = client.post("/v1/backups", json={"source": "shop"}).json()
    client.post("/v1/backups", json={"source": "website"})

    found = client.get("/v1/jobs", params={"state": "queued", "kind": "backup.run", "source": "shop"}).json()["items"]

    assert [row["id"] for row in found] == [job["id"]]
    assert client.get("/v1/jobs", params={"state": "running"}).json()["items"] == []


def test_a_backup_is_shown_with_its_copies(client, runtime, make_backup):
    backup = make_backup()
    with runtime.catalog.begin() as session:
        present, wanted = ReplicaState.PRESENT, ReplicaState.WANTED
        for region, state in (("here", present), ("there", wanted)):
            session.add(Replica(backup_id=backup, region=region, state=state, updated_at=runtime.clock.now()))

    shown = client.get(f"/v1/backups/{backup}").json()

    assert [(copy["region"], copy["state"]) for copy in shown["replicas"]] == [("here", "present"), ("there", "wanted")]
    assert (shown["problems"], shown["facts"], shown["partial"]) == ([], {}, False)


@pytest.mark.parametrize("path", ["/v1/backups", "/v1/restores", "/v1/verifications", "/v1/jobs"])
@pytest.mark.parametrize("parameters", [{"limit": 0}, {"limit": 501}, {"limit": "many"}, {"cursor": "%%%"}])
def test_a_page_that_cannot_be_had_is_refused(client, path, parameters):
    answer = client.get(path, params=parameters)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/backups", "/v1/restores", "/v1/verifications", "/v1/jobs"])
def test_what_is_not_there_is_not_found(client, path):
    answer = client.get(f"{path}/{uuid.uuid4()}")

    assert answer.status_code == 404
    assert answer.json()["next_step"]
