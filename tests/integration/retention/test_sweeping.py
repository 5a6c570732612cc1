"""A sweep deletes what nothing keeps, leaves a receipt, and is resumed wherever it stopped."""

import dataclasses
import hashlib
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from strongroom.backup.errors import BackupNotCommittedError
from strongroom.backup.kinds import RequestedKind
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.backups import BackupState
from strongroom.catalog.retention import ShredState, expiry_regions, list_agreed
from strongroom.clock import SystemClock
from strongroom.errors import InvalidInputError
from strongroom.jobs.errors import RegionBusyError
from strongroom.jobs.runner import run_job
from strongroom.jobs.sweeper import sweep
from strongroom.repository.errors import WrongKeyError
from strongroom.repository.layout import receipt_key
from strongroom.repository.reader import BackupReader
from strongroom.repository.shredding import find_receipt
from strongroom.retention.candidates import Block
from strongroom.retention.deciding import Approval, approve
from strongroom.retention.errors import (
    NothingToApproveError,
    RetirementNotConfirmedError,
    UnknownPolicyError,
)
from strongroom.retention.retiring import retire
from strongroom.retention.sweeping import request_nightly, request_sweep
from strongroom.testing.stores import Fault, Moment, Operation, server_error
from strongroom.upkeep.rotating import RotationRequest, request_rotation
from tests.integration.backup.conftest import TRACE, House
from tests.integration.backup.test_dying import expire_lease
from tests.integration.retention.conftest import aged, expiry, plan, request, result, swept

REGIONS = ("eu", "us", "ap")


def open_alerts(house: House) -> list[str]:
    with house.services.catalog.read() as session:
        return [one.message for one in session.query(Alert) if one.state is AlertState.OPEN]


def slots(house: House, region: str, backup_id: object) -> list[str]:
    return house.objects(region, f"keys/{backup_id.hex}/")


def test_what_no_rule_keeps_loses_its_keys_everywhere_and_its_sibling_restores(house: House) -> None:
    old = house.back_up(RequestedKind.FULL)
    (house.tree / "new.txt").write_text("new")
    child = house.back_up(RequestedKind.INCREMENTAL)
    aged(house, old, 91)
    aged(house, child, 10)
    (house.tree / "newer.txt").write_text("newer")
    newest = house.back_up(RequestedKind.FULL)

    done = result(swept(house))

    assert (done["expired"], done["shredded"], done["unfinished"]) == (1, 1, 0)
    assert house.backup(old).state is BackupState.RETIRED
    repository = house.services.open_repository()
    for region in REGIONS:
        assert slots(house, region, old.id) == []
        receipt = find_receipt(repository, house.services.stores[region], "tree", old.id)
        assert receipt is not None
        assert [one.region for one in receipt.regions] == sorted(REGIONS)
        assert {one.count for one in receipt.regions} == {3}
        assert {slot.key.split(".")[1] for one in receipt.regions for slot in one.slots} == set(REGIONS)
        assert house.restore(child, region=region, target=f"child-{region}").state == "succeeded"
        for kek in house.services.keks.values():
            with pytest.raises(WrongKeyError, match="None of the 0 key slots"):
                BackupReader(repository, house.services.stores[region], kek, "tree", old.id)
    with pytest.raises(BackupNotCommittedError):
        house.restore(old, region="eu", target="old")
    assert plan(house).decisions[0].candidate.id == newest.id


def test_only_a_report_is_made_without_apply(small_house: House) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    done = result(swept(small_house, apply=False))
    assert (done["applied"], done["expired"]) == (False, 1)
    assert small_house.backup(old).state is BackupState.COMMITTED


def test_one_run_a_day_is_queued_and_applies(small_house: House) -> None:
    first, again = request_nightly(small_house.services), request_nightly(small_house.services)
    assert first.id == again.id
    assert (first.args["apply"], first.args["max_share_percent"]) == (True, 20)


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize(
    ("operation", "prefix"),
    [
        (Operation.CREATE, "x/"),
        (Operation.VERSIONS, "keys/"),
        (Operation.DELETE, "keys/"),
        (Operation.CREATE, "e/"),
    ],
)
def test_a_region_that_fails_at_any_step_is_finished_by_the_next_run(
    small_house: House, operation: Operation, prefix: str, moment: Moment
) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    broken = small_house.with_faults("us", [Fault(operation, server_error, times=1, moment=moment, key_prefix=prefix)])
    first = result(swept(small_house, broken))
    assert (first["shredded"], list(first["regions_missed"])) == (0, ["us"])
    # Whatever the region holds is either a backup that counts, with its keys, or one that has its tombstone.
    assert small_house.objects("us", "x/") or len(slots(small_house, "us", old.id)) == 3

    second = result(swept(small_house))

    assert (second["expired"], second["shredded"], second["unfinished"]) == (0, 1, 0)
    receipt = find_receipt(small_house.services.open_repository(), small_house.services.stores["us"], "tree", old.id)
    assert receipt is not None
    assert {one.region: one.count for one in receipt.regions} == {"eu": 3, "us": 3, "ap": 3}


@pytest.mark.parametrize("region", ["eu", "us"])
def test_a_forged_receipt_is_an_alert_and_keeps_no_other_backup_from_its_end(small_house: House, region: str) -> None:
    services, store = small_house.services, small_house.services.stores[region]
    forged, other = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    small_house.back_up(RequestedKind.FULL)
    for number, old in enumerate((forged, other)):
        aged(small_house, old, 100 - number)
    key = receipt_key("tree", forged.id)
    store.put(key, b"forged", sha256=hashlib.sha256(b"forged").digest())

    done = result(swept(small_house))

    assert (done["shredded"], done["unfinished"], list(done["regions_missed"])) == (1, 1, [region])
    assert all(slots(small_house, name, forged.id) == [] for name in REGIONS)
    (said,) = open_alerts(small_house)
    assert key in said
    assert expiry(small_house, other.id).finished_at is not None

    store.delete(key)
    assert result(swept(small_house))["shredded"] == 1
    assert open_alerts(small_house) == []
    assert find_receipt(services.open_repository(), store, "tree", forged.id) is not None


def test_a_clock_that_jumps_ahead_makes_no_backup_old(small_house: House) -> None:
    small_house.back_up()
    small_house.back_up(RequestedKind.FULL)
    jumped = dataclasses.replace(small_house.services, clock=AYearLater())
    assert result(swept(small_house, jumped))["expired"] == 0


class AYearLater(SystemClock):
    """A clock of a machine that thinks it is next year."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=400)


def test_what_was_promised_while_runs_only_reported_is_not_shortened_either(small_house: House) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 40)
    small_house.configure("[retention]\napply = false\n")
    small_house.run(request_nightly(small_house.services))
    small_house.configure("[policies.operational-data]\nretention_days = 30\n")
    assert result(swept(small_house))["expired"] == 0
    assert plan(small_house).decisions[1].blocks == (Block.SHORTENED,)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("operation", "prefix", "nth"),
    [
        (Operation.CREATE, "x/", 1),
        (Operation.CREATE, "x/", 3),
        (Operation.DELETE, "keys/", 1),
        (Operation.DELETE, "keys/", 3),
        (Operation.CREATE, "e/", 2),
    ],
)
def test_a_sweep_that_is_killed_leaves_nothing_half_deleted(
    small_house: House,
    in_a_process_that_dies: Callable[[Callable[[], object]], bool],
    operation: Operation,
    prefix: str,
    nth: int,
) -> None:
    old, kept = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    number = 1 if operation is Operation.CREATE else nth
    region = REGIONS[nth - 1] if operation is Operation.CREATE else "us"
    deadly = small_house.with_faults(region, [Fault(operation, die, nth=number, key_prefix=prefix)])
    job = request_sweep(small_house.services, request(source="tree", confirm="tree"))
    small_house.services.catalog.close()
    assert not in_a_process_that_dies(lambda: small_house.run(job, deadly))
    for name in REGIONS:
        assert small_house.objects(name, "x/") or len(slots(small_house, name, old.id)) == 3

    expire_lease(small_house, job)
    sweep(small_house.services.ledger)
    assert result(small_house.run(job))["unfinished"] == 0

    assert all(slots(small_house, name, old.id) == [] for name in REGIONS)
    assert small_house.restore(kept, region="ap", target="kept").state == "succeeded"


def test_a_shorter_policy_waits_for_an_approval_and_a_longer_one_does_not(small_house: House) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 40)
    assert result(swept(small_house))["expired"] == 0
    small_house.configure("[policies.operational-data]\nretention_days = 30\n")
    assert result(swept(small_house))["expired"] == 0
    assert plan(small_house).decisions[1].blocks == (Block.SHORTENED,)
    assert "keeps less than was agreed: retention_days 90 -> 30" in open_alerts(small_house)[0]
    with pytest.raises(RetirementNotConfirmedError):
        approve(small_house.services, Approval("tree", None, "anna"))
    approve(small_house.services, Approval("tree", "tree", "anna"))
    with pytest.raises(NothingToApproveError):
        approve(small_house.services, Approval("tree", "tree", "anna"))
    assert result(swept(small_house))["expired"] == 1
    assert open_alerts(small_house) == []
    small_house.configure("[policies.operational-data]\nretention_days = 400\n")
    swept(small_house)
    with small_house.services.catalog.read() as session:
        assert list_agreed(session)["tree"].terms["retention_days"] == 400


def test_an_unknown_policy_deletes_nothing_and_says_so(small_house: House) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 400)
    with small_house.services.catalog.begin() as session:
        for backup in (small_house.backup(old), small_house.backup(_)):
            session.merge(backup).policy = "gone"
    config = small_house.directory / "strongroom.toml"
    text = config.read_text()
    small_house.configure("")
    services = small_house.services
    settings = services.settings.model_copy(update={"sources": {}})
    object.__setattr__(services, "settings", settings)
    done = result(swept(small_house))
    assert done["expired"] == 0
    assert "policy 'gone', which is not in the settings" in open_alerts(small_house)[0]
    with pytest.raises(UnknownPolicyError):
        approve(services, Approval("tree", "tree", "anna"))
    assert text


def test_a_source_whose_backups_are_all_too_old_keeps_them(small_house: House) -> None:
    small_house.configure("[policies.operational-data]\nretention_days = 90\nmin_fulls = 0\n")
    for _ in range(3):
        aged(small_house, small_house.back_up(RequestedKind.FULL), 100)
    done = result(swept(small_house))
    assert done["expired"] == 0
    assert "would leave nothing of tree" in open_alerts(small_house)[0]


def test_more_than_a_runs_share_needs_the_name_of_the_source(small_house: House) -> None:
    for age in (91, 92, 93):
        aged(small_house, small_house.back_up(RequestedKind.FULL), age)
    small_house.back_up(RequestedKind.FULL)
    done = result(swept(small_house, share=None))
    assert done["expired"] == 0
    assert "more than one run may delete" in open_alerts(small_house)[0]
    with pytest.raises(InvalidInputError):
        request_sweep(small_house.services, request(share=80))
    with pytest.raises(RetirementNotConfirmedError):
        request_sweep(small_house.services, request(source="tree", share=80))
    assert result(swept(small_house, share=80))["expired"] == 3
    assert open_alerts(small_house) == []


def test_a_running_rotation_is_waited_for(small_house: House) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    rotation = request_rotation(small_house.services, RotationRequest("eu", False, TRACE))

    def sweep_meanwhile(context: object) -> dict[str, object]:
        job = swept(small_house)
        assert job.last_error is not None
        assert job.last_error["code"] == RegionBusyError.code
        assert small_house.backup(old).state is BackupState.RETIRED
        assert len(slots(small_house, "eu", old.id)) == 3
        assert retire(small_house.services, str(old.id), confirm="tree", by="anna")[1] == list(REGIONS)
        return {}

    run_job(small_house.services.ledger, rotation.id, sweep_meanwhile, owner="test")
    assert small_house.services.ledger.get(rotation.id).state == "succeeded", "the assertions above failed"
    assert result(swept(small_house))["unfinished"] == 0


def test_what_was_retired_before_there_were_receipts_gets_one(small_house: House) -> None:
    old, _ = small_house.back_up(), small_house.back_up(RequestedKind.FULL)
    with small_house.services.catalog.begin() as session:
        session.merge(small_house.backup(old)).state = BackupState.RETIRED
    assert result(swept(small_house))["shredded"] == 1
    assert expiry(small_house, old.id).receipt is not None
    with small_house.services.catalog.read() as session:
        assert {one.state for one in expiry_regions(session, old.id)} == {ShredState.DONE}
