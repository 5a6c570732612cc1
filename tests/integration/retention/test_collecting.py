"""Garbage is found and deleted region by region, on request and once a day, and never while copies come in."""

import pytest

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.reconcile import reconcile
from strongroom.catalog.backups import BackupState
from strongroom.catalog.jobs import Job
from strongroom.jobs.runner import run_job
from strongroom.retention.collecting import CollectionRequest, request_collection, request_nightly
from strongroom.retention.errors import BackupPinnedError, RetirementNotConfirmedError
from strongroom.retention.retiring import retire
from strongroom.retention.sweeping import request_nightly as retain_nightly
from strongroom.testing.stores import Fault, Operation, server_error
from tests.integration.backup.conftest import TRACE, House
from tests.integration.retention.conftest import aged


def collect(house: House, region: str, *, apply: bool = True, share: int = 100) -> Job:
    return house.run(request_collection(house.services, CollectionRequest(region, apply, share, None, TRACE)))


def result(job: Job) -> dict[str, object]:
    assert job.result is not None, job.last_error
    return job.result


def test_a_retired_backup_leaves_every_region_and_the_others_stay_restorable(house: House) -> None:
    gone, kept = house.back_up(), house.back_up()
    retire(house.services, str(gone.id), confirm="tree", by="anna")
    assert house.backup(gone).state is BackupState.RETIRED
    for region in ("eu", "us", "ap"):
        planned = result(collect(house, region, apply=False))
        assert planned["objects"] == result(collect(house, region))["objects"] != 0
        assert result(collect(house, region))["objects"] == 0
        assert not any(gone.id.hex in key for key in house.objects(region, "") if key[:2] not in {"x/", "e/"})
        assert house.restore(kept, region=region, target=region).state == "succeeded"
        assert house.is_restored(region)


def test_a_region_that_was_away_is_told_of_the_retirement_by_its_collection(small_house: House) -> None:
    gone = small_house.back_up()
    small_house.back_up()
    away = small_house.with_faults("us", [Fault(Operation.CREATE, server_error, times=99)])
    assert retire(away, str(gone.id), confirm="tree", by="anna")[1] == ["us"]
    assert result(collect(small_house, "us"))["objects"] != 0


def test_what_a_dead_attempt_left_is_collected(small_house: House) -> None:
    broken = small_house.with_faults("eu", [Fault(Operation.CREATE, server_error, times=99, key_prefix="c/")])
    job = small_house.request()
    small_house.run(job, broken)
    assert result(collect(small_house, "eu"))["objects"] == 0
    assert result(collect(small_house, "eu"))["open_sessions"] == 1
    small_house.services.ledger.request_cancel(job.id)
    reconcile(small_house.services)
    assert result(collect(small_house, "eu"))["open_sessions"] == 0
    assert small_house.objects("eu", "p/") == []


def test_more_than_the_approved_share_is_refused(small_house: House) -> None:
    retire(small_house.services, str(small_house.back_up().id), confirm="tree", by="anna")
    job = collect(small_house, "eu", share=20)
    assert job.last_error is not None
    assert (job.state, job.last_error["code"]) == ("failed", "repository.collection_share")
    assert small_house.objects("eu", "p/")


def test_copies_and_collections_of_a_region_take_turns(small_house: House) -> None:
    small_house.run(small_house.request())
    request = CollectionRequest("us", True, None, None, TRACE)
    collection = request_collection(small_house.services, request)

    def copy_meanwhile(context: object) -> dict[str, object]:
        copies = {job.args["region"]: job for job in small_house.copy()}
        assert copies["ap"].state == "succeeded"
        assert copies["us"].last_error is not None
        assert copies["us"].last_error["code"] == "jobs.region_busy"
        return {}

    run_job(small_house.services.ledger, collection.id, copy_meanwhile, owner="test")
    assert small_house.services.ledger.get(collection.id).state == "succeeded", "the assertions above failed"


def test_the_nights_remove_what_no_policy_keeps_from_every_region(small_house: House) -> None:
    old, kept = small_house.back_up(RequestedKind.FULL), small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 91)
    packs = len(small_house.objects("us", "p/"))
    small_house.run(retain_nightly(small_house.services))

    first, again = request_nightly(small_house.services), request_nightly(small_house.services)

    assert [job.id for job in first] == [job.id for job in again]
    for job in first:
        assert result(small_house.run(job))["applied"] is True
        region = str(job.args["region"])
        assert 0 < len(small_house.objects(region, "p/")) < packs
        left = [key for key in small_house.objects(region, "") if old.id.hex in key]
        assert {key[:2] for key in left} == {"x/", "e/"}
        assert small_house.restore(kept, region=region, target=region).state == "succeeded"


def test_a_night_that_is_to_report_deletes_nothing(small_house: House) -> None:
    small_house.configure("[collection]\napply = false\n")
    retire(small_house.services, str(small_house.back_up().id), confirm="tree", by="anna")
    (job, *_) = request_nightly(small_house.services)
    done = result(small_house.run(job))
    assert (done["applied"], done["objects"] != 0) == (False, True)
    assert small_house.objects("eu", "p/")


def test_retiring_needs_the_name_of_the_source_and_copies_that_are_done(small_house: House) -> None:
    job = small_house.run(small_house.request())
    with pytest.raises(RetirementNotConfirmedError):
        retire(small_house.services, str(job.id), confirm=None, by="anna")
    with pytest.raises(BackupPinnedError):
        retire(small_house.services, str(job.id), confirm="tree", by="anna")
    assert small_house.backup(job).state is BackupState.COMMITTED
