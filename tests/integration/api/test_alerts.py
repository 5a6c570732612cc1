"""Alerts, silences and channels over HTTP."""

import uuid
from collections.abc import Callable

import httpx
import pytest

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.dbtime import database_now
from strongroom.runtime import Runtime

REQUIRED = {"id", "backupId", "type", "severity", "message", "timestamp", "resolved"}
SILENCE = {"matcher": {"source": "shop"}, "reason": "moving", "seconds": 3600}


@pytest.fixture
def opened(runtime: Runtime) -> Callable[..., str]:
    """A function that opens an alert and returns its id."""

    def open_one(source: str = "shop", severity: Severity = Severity.CRITICAL) -> str:
        with runtime.catalog.begin() as session:
            now = database_now(session)
            said = ("backup.failed", f"Backup failed: {source}", "Look.")
            return str(open_alert(session, AlertReport(AlertType.FAILURE, severity, *said, now, source=source)).id)

    return open_one


def test_alerts_are_listed_newest_first_with_the_fields_of_the_requirement(client: httpx.Client, opened):
    ids = [opened(source) for source in ("a", "b", "c")]

    page = client.get("/v1/alerts", params={"limit": 2}).json()
    assert [item["id"] for item in page["items"]] == ids[:0:-1]
    assert set(page["items"][0]) >= REQUIRED
    rest = client.get("/v1/alerts", params={"cursor": page["next_cursor"]}).json()
    assert [item["id"] for item in rest["items"]] == ids[:1]
    assert client.get("/v1/alerts", params={"source": "b"}).json()["items"][0]["id"] == ids[1]


def test_what_is_wrong_now_is_listed_worst_first(client: httpx.Client, opened):
    opened("m", Severity.MEDIUM)
    opened("c", Severity.CRITICAL)
    opened("h", Severity.HIGH)

    assert [item["source"] for item in client.get("/v1/alerts/active").json()] == ["c", "h", "m"]


def test_an_alert_is_acknowledged_and_resolved_by_somebody(client: httpx.Client, opened):
    alert = opened()
    acked = client.post(f"/v1/alerts/{alert}/ack")
    assert (acked.status_code, acked.json()["state"], acked.json()["acknowledged_by"]) == (200, "acknowledged", "ada")
    done = client.post(f"/v1/alerts/{alert}/resolve", json={"note": "disk replaced"}).json()
    assert (done["state"], done["resolved"], done["resolution"]) == ("resolved", True, "disk replaced")
    assert client.post(f"/v1/alerts/{alert}/resolve", json={"note": "x"}).status_code == 409

    story = client.get(f"/v1/alerts/{alert}").json()
    assert [event["what"] for event in story["events"]] == ["opened", "acknowledged", "resolved"]
    assert client.get("/v1/alerts", params={"state": "open"}).json()["items"] == []


def test_what_is_not_there_or_not_right_is_refused(client: httpx.Client, opened):
    alert = opened()

    assert client.get(f"/v1/alerts/{uuid.uuid4()}").status_code == 404
    assert client.post(f"/v1/alerts/{alert}/resolve", json={"note": ""}).status_code == 422
    assert client.post(f"/v1/alerts/{alert}/resolve", json={"note": "  "}).status_code == 422
    assert client.get("/v1/alerts", params={"state": "asleep"}).status_code == 422
    assert client.post("/v1/alert-channels/nobody/test").status_code == 404


def test_silences_begin_and_end(client: httpx.Client):
    begun = client.post("/v1/alert-silences", json=SILENCE)
    assert begun.status_code == 201
    assert [item["id"] for item in client.get("/v1/alert-silences").json()] == [begun.json()["id"]]
    ended = client.post(f"/v1/alert-silences/{begun.json()['id']}/end", json={})
    assert (ended.status_code, ended.json()["ended_by"]) == (200, "ada")
    assert client.get("/v1/alert-silences").json() == []


@pytest.mark.parametrize(
    "change", [{"matcher": {}}, {"matcher": {"colour": "x"}}, {"seconds": 8 * 86400}, {"reason": ""}, {"by": "bo"}]
)
def test_a_bad_silence_is_refused(client: httpx.Client, change: dict[str, object]):
    assert client.post("/v1/alert-silences", json=SILENCE | change).status_code in (400, 422)


def test_channels_and_dead_letters_are_listed(client: httpx.Client):
    assert client.get("/v1/alert-channels").json() == []
    assert client.get("/v1/alerts/dead-letters").json() == {"items": [], "next_cursor": None}
