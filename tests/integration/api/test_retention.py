"""What is kept and what goes, over HTTP."""

from datetime import timedelta

import pytest

from strongroom.catalog.backups import Backup, BackupKind, BackupState
from strongroom.ids import new_id


@pytest.fixture
def backups(runtime):
    """Two committed backups in the catalog, one of them very old."""
    made = []
    with runtime.catalog.begin() as session:
        for age in (1000, 1):
            backup_id = new_id(runtime.clock, runtime.random)
            made.append(str(backup_id))
            session.add(
                Backup(
                    id=backup_id, source="website", source_kind="files", kind=BackupKind.FULL,
                    state=BackupState.COMMITTED, session_id=backup_id, trace_id="0" * 32, policy="operational-data",
                    regions=[], created_at=runtime.clock.now() - timedelta(days=age),
                )
            )  # fmt: skip
    return made


def test_the_plan_says_what_goes_and_with_every_also_what_stays(client, backups):
    (plan,) = client.get("/v1/retention/plan").json()["items"]
    assert (plan["source"], plan["policy"], plan["kept"], plan["expired"]) == ("website", "operational-data", 1, 1)
    assert [(one["backup"], one["goes"]) for one in plan["backups"]] == [(backups[0], True)]
    (whole,) = client.get("/v1/retention/plan", params={"every": True}).json()["items"]
    assert whole["backups"][0]["reasons"] == ["within the days of its policy"]


def test_a_hold_is_placed_listed_and_released_with_a_step_up(client, runtime, backups, step_up):
    hold = client.post("/v1/holds", json={"backup": backups[0], "reason": "case 4711"})
    assert hold.status_code == 201
    assert client.get("/v1/retention/plan").json()["items"][0]["expired"] == 0
    assert [one["placed_by"] for one in client.get("/v1/holds").json()["items"]] == ["ada"]
    permit = step_up("backup.retire", "website", backups[0])
    body = {"backup": backups[0], "confirm": "website"}
    refused = client.post("/v1/retention/expiries", json=body, headers=permit)
    assert (refused.status_code, refused.json()["code"]) == (403, "retention.backup_held")

    release, permit = f"/v1/holds/{hold.json()['id']}/release", step_up("holds.release", "website", hold.json()["id"])
    assert client.post(release, json={"reason": "closed"}, headers=permit).json()["code"] == "stepup.unnamed"
    body = {"reason": "closed", "confirm": "website"}
    assert client.post(release, json=body).json()["code"] == "access.step_up_required"
    assert client.post(release, json=body, headers=permit).json()["released_by"] == "ada"
    assert client.get("/v1/holds").json()["items"] == []
    assert len(client.get("/v1/holds", params={"over": True}).json()["items"]) == 1
    events = [one["action"] for one in client.get("/v1/retention/events").json()["items"]]
    assert events == ["hold released", "hold placed"]


def test_a_run_is_a_job_and_a_large_share_needs_the_name_and_a_step_up(client, backups, step_up):
    job = client.post("/v1/retention/runs", json={"apply": True})
    assert (job.status_code, job.json()["kind"]) == (202, "retention.run")
    wanted = {"apply": True, "max_share_percent": 90}
    assert client.post("/v1/retention/runs", json=wanted).status_code == 422
    wanted["source"] = "website"
    assert client.post("/v1/retention/runs", json=wanted).json()["code"] == "stepup.refused"
    permit = step_up("retention.delete_more", "website", "90")
    refused = client.post("/v1/retention/runs", json=wanted, headers=permit).json()
    assert refused["code"] == "retention.not_confirmed"
    assert client.post("/v1/retention/runs", json=wanted | {"confirm": "website"}, headers=permit).status_code == 202


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "why"}, "strongroom.invalid_input"),
        ({"reason": "why", "source": "nowhere"}, "settings.unknown_source"),
        ({"reason": "why", "source": "website", "until": "2001-01-01T00:00:00Z"}, "strongroom.invalid_input"),
    ],
)
def test_a_hold_on_nothing_is_refused(client, body, code):
    assert client.post("/v1/holds", json=body).json()["code"] == code


def test_what_has_not_expired_has_no_receipt(client, backups, step_up):
    assert client.get(f"/v1/retention/expiries/{backups[0]}").status_code == 404
    assert client.get("/v1/retention/expiries").json()["items"] == []
    permit = step_up("retention.shorten", "website")
    answer = client.post("/v1/retention/approvals", json={"source": "website", "confirm": "website"}, headers=permit)
    assert answer.json()["code"] == "retention.nothing_to_approve"
