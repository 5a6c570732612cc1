"""Step-ups over HTTP: asked for, confirmed, approved, cancelled, and refused in the same words."""

import httpx
import pytest

CHALLENGES = "/v1/step-up/challenges"
MUTE = {"matcher": {"severity": "*"}, "reason": "the server is being moved", "seconds": 60}


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """SQLite alone: what step-ups do on PostgreSQL is tried where they live."""
    return sqlite_catalog_url


def _ask(client: httpx.Client, verb: str = "alerts.mute", target: str = "alerts", subject: str = "") -> dict[str, str]:
    answer = client.post(CHALLENGES, json={"verb": verb, "target": target, "subject": subject})
    assert answer.status_code == 201, answer.text
    asked: dict[str, str] = answer.json()
    return asked


def _confirm(client: httpx.Client, challenge: str, code: str = "1", typed: str = "alerts") -> httpx.Response:
    return client.post(f"{CHALLENGES}/{challenge}/confirm", json={"code": code, "typed": typed})


def test_a_confirmed_step_up_permits_its_act_once(client: httpx.Client):
    assert client.post("/v1/alert-silences", json=MUTE).json()["code"] == "stepup.refused"
    asked = _ask(client)
    assert (asked["state"], asked["operator"], asked["needs_approval"]) == ("asked", "ada", False)
    assert _confirm(client, asked["id"]).json()["state"] == "confirmed"
    headers = {"Step-Up": asked["id"]}
    assert client.post("/v1/alert-silences", json=MUTE, headers=headers).status_code == 201
    assert client.post("/v1/alert-silences", json=MUTE, headers=headers).json()["code"] == "stepup.refused"
    assert len(client.get("/v1/alert-silences").json()) == 1
    assert client.get(CHALLENGES).json()["items"] == []


def test_a_silence_of_one_thing_takes_none(client: httpx.Client):
    one = MUTE | {"matcher": {"source": "shop"}}
    assert client.post("/v1/alert-silences", json=one).status_code == 201


def test_wrong_reused_malformed_and_oversized_ids_are_refused_alike(client: httpx.Client, second: httpx.Client):
    others, used, open_one = _ask(second)["id"], _ask(client)["id"], _ask(client)["id"]
    _confirm(client, used)
    client.post("/v1/alert-silences", json=MUTE, headers={"Step-Up": used})
    shown = ["", "x", "x" * 36, "x" * 4000, "00000000-0000-7000-8000-000000000000", others, used, open_one]
    answers = [client.post("/v1/alert-silences", json=MUTE, headers={"Step-Up": one}) for one in shown]
    answers += [_confirm(client, one) for one in shown[1:-1]]
    told = {(answer.status_code, answer.json()["detail"], answer.json()["next_step"]) for answer in answers}
    assert len(told) == 1, told
    assert answers[0].json()["code"] == "stepup.refused"


def test_a_second_person_approves_what_needs_two_and_a_day_is_waited_for(
    client: httpx.Client, second: httpx.Client, make_backup
):
    backup = str(make_backup("shop"))
    asked = _ask(client, "backup.retire", "shop", backup)["id"]
    _confirm(client, asked, typed="shop")
    body, headers = {"backup": backup, "confirm": "shop"}, {"Step-Up": asked}
    alone = client.post("/v1/retention/expiries", json=body, headers=headers)
    assert (alone.status_code, alone.json()["code"]) == (409, "stepup.waiting")
    (seen,) = second.get(CHALLENGES).json()["items"]
    assert (seen["verb"], seen["target"], seen["subject"], seen["state"]) == (
        "backup.retire", "shop", backup, "to be approved",
    )  # fmt: skip
    assert client.post(f"{CHALLENGES}/{asked}/approve", json={"code": "2"}).json()["code"] == "stepup.refused"
    approved = second.post(f"{CHALLENGES}/{asked}/approve", json={"code": "1"}).json()
    assert (approved["approved_by"], approved["state"]) == ("bo", "waiting")
    early = client.post("/v1/retention/expiries", json=body, headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "stepup.waiting")
    assert second.post(f"{CHALLENGES}/{asked}/cancel").json()["state"] == "cancelled"
    assert client.post("/v1/retention/expiries", json=body, headers=headers).json()["code"] == "stepup.refused"


def test_a_wrong_code_confirms_nothing(client: httpx.Client):
    asked = _ask(client)["id"]
    assert _confirm(client, asked, code="wrong").status_code in (401, 403)
    assert client.post("/v1/alert-silences", json=MUTE, headers={"Step-Up": asked}).json()["code"] == "stepup.refused"


def test_a_machine_has_no_step_up(make_machine, client: httpx.Client):
    machine = make_machine("change", "run", "read")
    asked = _ask(client)["id"]
    _confirm(client, asked)
    assert machine.post(CHALLENGES, json={"verb": "alerts.mute", "target": "alerts"}).status_code == 403
    refused = machine.post("/v1/alert-silences", json=MUTE, headers={"Step-Up": asked})
    assert (refused.status_code, refused.json()["code"]) == (403, "stepup.refused")


@pytest.mark.parametrize("verb", ["", "backup.run", "POST /v1/retention/expiries"])
def test_there_is_none_for_what_needs_none(client: httpx.Client, verb: str):
    answer = client.post(CHALLENGES, json={"verb": verb, "target": "shop"})
    assert (answer.status_code, answer.json()["code"]) == (422, "stepup.unneeded")
