"""Service tokens over HTTP: made by people, for machines, for what they do."""

import pytest


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


def test_a_token_is_made_shown_once_rotated_and_revoked(client, stranger):
    wish = {"name": "nightly", "kind": "ci", "grants": ["read:status"]}
    made = client.post("/v1/tokens", json=wish).json()
    header = {"Authorization": f"Bearer {made['token']}"}

    assert made["created_by"] == "ada"
    assert stranger.get("/v1/status", headers=header).status_code == 200
    assert [set(one) & {"token", "digest"} for one in client.get("/v1/tokens").json()] == [set()]
    assert client.post("/v1/tokens/nightly/rotate", json={}).json()["generation"] == 2
    refused = client.post("/v1/tokens/nightly/revoke")
    assert (refused.status_code, refused.json()["code"]) == (409, "servicetokens.choice")
    assert [one["generation"] for one in client.post("/v1/tokens/nightly/revoke", json={"which": "old"}).json()] == [1]
    assert client.post("/v1/tokens/nightly/revoke", json={"which": "new"}).status_code == 422
    assert [one["generation"] for one in client.post("/v1/tokens/nightly/revoke").json()] == [2]
    assert client.get("/v1/tokens").json() == []


def test_all_tokens_of_a_name_are_revoked_where_that_is_said(client):
    client.post("/v1/tokens", json={"name": "nightly", "kind": "ci", "grants": ["read:status"]})
    client.post("/v1/tokens/nightly/rotate", json={})

    assert len(client.post("/v1/tokens/nightly/revoke", json={"which": "all"}).json()) == 2
    assert client.get("/v1/tokens").json() == []


def test_a_machine_makes_no_tokens_and_destroys_nothing(make_machine):
    machine = make_machine("read", "run", "change")
    wish = {"name": "mine", "kind": "ci", "grants": ["change"]}
    retire = {"backup": "latest:website", "confirm": "website"}

    assert machine.post("/v1/tokens", json=wish).json()["code"] == "access.permission_denied"
    assert machine.get("/v1/tokens").status_code == 403
    answer = machine.post("/v1/retention/expiries", json=retire, headers={"Step-Up": "x"})
    assert answer.json()["code"] == "access.permission_denied"


def test_a_grant_for_a_source_opens_requests_that_name_it(make_machine, make_backup):
    machine = make_machine("run:*:website", "read:*:website")
    backup, other = make_backup("website"), make_backup("shop")

    started = machine.post("/v1/backups", json={"source": "website"})
    assert started.status_code == 202
    assert machine.get(f"/v1/jobs/{started.json()['id']}").status_code == 200
    assert machine.get(f"/v1/backups/{backup}").status_code == 200
    assert machine.get("/v1/backups", params={"source": "website"}).status_code == 200
    items = {"items": [{"job": "backup", "source": "website"}]}
    assert machine.post("/v1/batches", json=items).status_code == 202

    refused = [
        machine.post("/v1/backups", json={"source": "shop"}),
        machine.post("/v1/backups?source=website", json={"source": "shop"}),
        machine.post("/v1/batches", json={"items": [*items["items"], {"job": "backup", "source": "shop"}]}),
        machine.post("/v1/batches", json={"items": [*items["items"], {"job": "probe", "queue": "backup"}]}),
        machine.post("/v1/backups", content=b"{"),
        machine.get("/v1/backups"),
        machine.get("/v1/backups?source=website&source=shop"),
        machine.get(f"/v1/backups/{other}"),
        machine.get("/v1/backups/nothing"),
        machine.get("/v1/status"),
    ]
    assert {answer.status_code for answer in refused} == {403}


def test_a_token_from_elsewhere_is_refused_like_any_other(make_machine):
    answer = make_machine("read", networks=("192.0.2.0/24",)).get("/v1/status")

    assert (answer.status_code, answer.json()["code"]) == (401, "access.credential_refused")
