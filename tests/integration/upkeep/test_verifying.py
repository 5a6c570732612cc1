"""Whole regions are checked: what is there, what can still be read, and what follows from damage."""

import dataclasses
import os
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from strongroom.catalog.backups import ReplicaState
from strongroom.catalog.jobs import Job
from strongroom.catalog.region_verifications import PackReading, RegionLevel
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.levels.status import RegionStatus, status
from strongroom.retention.collecting import CollectionRequest, request_collection
from strongroom.retention.retiring import retire
from strongroom.services import Services
from strongroom.testing.stores import Fault, Operation, server_error, sudden_death
from strongroom.upkeep.repairing import RepairRequest, request_repair
from strongroom.upkeep.verifying import RegionVerificationRequest, request_nightly, request_region_verification
from tests.integration.backup.conftest import TRACE, House
from tests.integration.backup.test_damage import damage, state_of

LEVELS = list(RegionLevel)


def asked(house: House, region: str, level: RegionLevel) -> Job:
    request = RegionVerificationRequest(region, level, None, TRACE)
    return house.services.ledger.get(request_region_verification(house.services, request).id)


def verified(house: House, region: str, level: RegionLevel, services: Services | None = None) -> dict[str, object]:
    job = house.run(asked(house, region, level), services)
    assert job.result is not None, job.last_error
    return job.result


def region_status(house: House, region: str) -> RegionStatus:
    return next(one for one in status(house.services).regions if one.name == region)


def age_packs(house: House, region: str, days: float) -> None:
    """Have the packs of a region unread for so many days longer."""
    with house.services.catalog.begin() as session:
        for pack in session.scalars(select(PackReading).where(PackReading.region == region)):
            pack.unread_since -= timedelta(days=days)


@pytest.mark.parametrize("level", LEVELS)
def test_a_whole_region_passes_and_says_so(house: House, level: RegionLevel) -> None:
    for _ in range(2):
        house.back_up()
    found = verified(house, "us", level)
    assert (found["passed"], found["backups"], found["damaged_backups"]) == (True, 2, 0)
    assert found["evidence"] == ("size" if level is RegionLevel.PRESENCE else "read-back")
    assert region_status(house, "us").healthy
    assert region_status(house, "ap").presence is region_status(house, "ap").sample is None


@pytest.mark.parametrize("prefix", ["p/", "m/", "c/", "s/", "keys/"])
def test_what_is_missing_is_found_without_reading_marked_and_repaired(small_house: House, prefix: str) -> None:
    backup = small_house.back_up()
    prefix = f"keys/{backup.id.hex}/{small_house.backup(backup).session_id.hex}.us" if prefix == "keys/" else prefix
    small_house.services.stores["us"].delete(small_house.objects("us", prefix)[0])

    found = verified(small_house, "us", RegionLevel.PRESENCE)

    assert (found["passed"], found["damaged_backups"]) == (False, 1)
    assert state_of(small_house, backup, "us") is ReplicaState.DAMAGED
    assert not status(small_house.services).healthy
    assert region_status(small_house, "us").damaged_backups == 1
    repair = request_repair(small_house.services, RepairRequest(str(backup.id), "us", True, None, TRACE))
    assert small_house.run(repair).state == "succeeded"
    assert status(small_house.services).healthy
    assert verified(small_house, "us", RegionLevel.PRESENCE)["passed"]


def test_a_pack_of_another_size_is_found_without_reading_it(small_house: House) -> None:
    small_house.back_up()
    path = small_house.directory / "regions/us" / small_house.objects("us", "p/")[0]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    unreadable = [Fault(Operation.GET, server_error, times=99, key_prefix="p/")]
    found = verified(small_house, "us", RegionLevel.PRESENCE, small_house.with_faults("us", unreadable))
    assert not found["passed"]


@pytest.mark.parametrize("level", [RegionLevel.SAMPLE, RegionLevel.DATA])
def test_a_flipped_bit_is_found_by_reading_and_every_backup_that_needs_it_is_mended(
    small_house: House, level: RegionLevel
) -> None:
    backups = [small_house.back_up() for _ in range(2)]
    small_house.configure("[verification]\nread_every_days = 1\n")
    assert verified(small_house, "us", RegionLevel.PRESENCE)["passed"]
    shared = [key for key in small_house.objects("us", "p/") if small_house.backup(backups[0]).session_id.hex in key]
    for key in shared:
        damage(small_house, "us", key)

    found = verified(small_house, "us", level)

    assert (found["passed"], found["damaged_backups"]) == (False, 2)
    assert [job.state for job in small_house.copy()] == ["succeeded", "succeeded"]
    assert verified(small_house, "us", level)["passed"]
    assert status(small_house.services).healthy


def add_file(house: House, name: str) -> None:
    (house.tree / name).write_bytes(os.urandom(2 << 20))


def test_every_pack_is_read_within_the_days_that_are_set(small_house: House) -> None:
    small_house.configure("[verification]\nread_every_days = 4\n")
    for number in range(6):
        add_file(small_house, str(number))
        small_house.back_up()
    days = [verified(small_house, "us", RegionLevel.SAMPLE)]
    for _ in range(3):
        age_packs(small_house, "us", 1)
        days.append(verified(small_house, "us", RegionLevel.SAMPLE))
    packs = len(small_house.objects("us", "p/"))
    assert all(0 < int(str(day["objects"])) < packs for day in days)
    assert sum(int(str(day["objects"])) for day in days) >= packs
    assert region_status(small_house, "us").overdue_packs == 0


def test_missed_days_are_made_up_for_and_overdue_packs_show(small_house: House) -> None:
    small_house.configure("[verification]\nread_every_days = 4\n")
    for number in range(3):
        add_file(small_house, str(number))
        small_house.back_up()
    verified(small_house, "us", RegionLevel.SAMPLE)
    age_packs(small_house, "us", 5)
    packs = len(small_house.objects("us", "p/"))
    assert region_status(small_house, "us").overdue_packs == packs
    assert not status(small_house.services).healthy
    assert verified(small_house, "us", RegionLevel.SAMPLE)["objects"] == packs
    assert status(small_house.services).healthy


def test_a_check_that_is_broken_off_goes_on_where_it_was(small_house: House) -> None:
    for number in range(3):
        add_file(small_house, str(number))
        small_house.back_up()
    job = asked(small_house, "us", RegionLevel.DATA)
    later = small_house.objects("us", "p/")
    broken = small_house.with_faults("us", [Fault(Operation.GET, server_error, nth=len(later), key_prefix="p/")])
    assert small_house.run(job, broken).state == "queued"
    with small_house.services.catalog.begin() as session:
        session.execute(update(Job).values(run_after=small_house.services.clock.now() - timedelta(minutes=1)))
    reads = small_house.with_faults("us", [Fault(Operation.GET, sudden_death, nth=len(later), key_prefix="p/")])
    done = small_house.run(job, reads)
    assert done.result is not None, done.last_error
    assert (done.result["objects"], done.result["passed"]) == (len(later), True)


def test_a_backup_that_is_retired_is_no_damage_and_its_packs_are_forgotten(small_house: House) -> None:
    gone = small_house.back_up()
    verified(small_house, "us", RegionLevel.SAMPLE)
    add_file(small_house, "more")
    small_house.back_up()
    retire(small_house.services, str(gone.id), confirm="tree", by="anna")
    for region in ("eu", "us", "ap"):
        request = CollectionRequest(region, True, 100, None, TRACE)
        assert small_house.run(request_collection(small_house.services, request)).state == "succeeded"
    assert verified(small_house, "us", RegionLevel.SAMPLE)["passed"]
    assert verified(small_house, "us", RegionLevel.PRESENCE)["passed"]
    with small_house.services.catalog.read() as session:
        known = session.scalars(select(PackReading.sha256).where(PackReading.region == "us")).all()
    assert len(known) == len(small_house.objects("us", "p/"))


def test_a_backup_that_is_retired_and_collected_during_the_check_is_no_damage(small_house: House) -> None:
    gone = small_house.back_up()
    job = asked(small_house, "us", RegionLevel.PRESENCE)

    def retire_it() -> None:
        retire(small_house.services, str(gone.id), confirm="tree", by="anna")
        for key in small_house.objects("us", "m/"):
            small_house.services.stores["us"].delete(key)

    during = small_house.with_faults("us", [Fault(Operation.GET, retire_it, key_prefix="m/")])
    done = small_house.run(job, during)
    assert done.result is not None, done.last_error
    assert (done.result["passed"], done.result["damage"]) == (True, [])


def test_a_region_that_is_away_keeps_no_other_from_its_check(small_house: House) -> None:
    small_house.back_up()
    away = small_house.with_faults("us", [Fault(Operation.LIST, server_error, times=999)])
    jobs = [small_house.services.ledger.get(one.id) for one in request_nightly(small_house.services)]
    assert sorted((job.args["region"], job.args["level"]) for job in jobs) == sorted(
        (region, level) for region in ("eu", "us", "ap") for level in ("presence", "sample")
    )
    assert [one.id for one in request_nightly(small_house.services)] == [job.id for job in jobs]
    states = {(job.args["region"], small_house.run(job, away).state) for job in jobs}
    assert states == {("eu", "succeeded"), ("us", "queued"), ("ap", "succeeded")}
    assert small_house.copy() == []


def test_another_key_says_nothing_about_the_backups(small_house: House) -> None:
    backup = small_house.back_up()
    keys = dict(small_house.services.keks)
    keys["us"] = LocalKekProvider(KeyFile.create(small_house.directory / "other.keys", ["us"]), "us")
    services = dataclasses.replace(small_house.services, keks=keys)
    job = small_house.run(asked(small_house, "us", RegionLevel.PRESENCE), services)
    assert job.last_error is not None
    assert (job.state, job.last_error["code"]) == ("failed", "repository.wrong_key")
    assert state_of(small_house, backup, "us") is ReplicaState.PRESENT
