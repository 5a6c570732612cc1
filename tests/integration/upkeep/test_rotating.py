"""A new KEK version costs new key slots and nothing else, and the old ones go only when the new ones were read."""

import pytest

from strongroom.catalog.jobs import Job
from strongroom.catalog.purpose_keys import PurposeKey
from strongroom.catalog.skip_keys import SealingKey
from strongroom.catalog.skip_psks import SkipPsk
from strongroom.keyring.key_file import KeyFile
from strongroom.keysync.psks import Psks
from strongroom.keysync.sealing import Sealers
from strongroom.purposekeys.keys import Purpose
from strongroom.runtime import build_runtime
from strongroom.testing.stores import Fault, Operation, server_error
from strongroom.upkeep.rotating import RotationRequest, request_rotation
from tests.integration.backup.conftest import TRACE, House, files

REGIONS = ("eu", "us", "ap")


def rotate(house: House, *, remove_old: bool = False, faults: list[Fault] | None = None) -> Job:
    job = request_rotation(house.services, RotationRequest("us", remove_old, TRACE))
    return house.run(job, house.with_faults("ap", faults) if faults else None)


def new_version(house: House) -> str:
    return KeyFile(house.directory / "strongroom.keys").rotate("us")


@pytest.mark.parametrize("remove_old", [False, True])
def test_only_key_slots_change_and_every_region_gets_the_same(small_house: House, *, remove_old: bool) -> None:
    backups = [small_house.back_up() for _ in range(2)]
    before = files(small_house.directory / "regions")
    version = new_version(small_house)

    job = rotate(small_house, remove_old=remove_old)

    after = files(small_house.directory / "regions")
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed
    assert all(key.split("/")[1] == "keys" and "us.v" in key for key in changed)
    slots = {region: [k for k in small_house.objects(region, "keys/") if f"us.{version}" in k] for region in REGIONS}
    assert len(slots["eu"]) == 3
    assert slots["eu"] == slots["us"] == slots["ap"]
    assert any("us.v1" in key for key in after) is not remove_old
    assert job.result is not None, job.last_error
    assert (job.result["backups"], job.result["written"]) == (2, 9)
    fresh = build_runtime(small_house.services.settings).services()
    fresh.open_repository()
    assert small_house.restore_with(fresh, backups[0], region="us").state == "succeeded"
    assert small_house.is_restored()


def test_a_second_run_changes_nothing(small_house: House) -> None:
    small_house.back_up()
    new_version(small_house)
    rotate(small_house)
    before = files(small_house.directory / "regions")
    again = rotate(small_house)
    assert again.result is not None
    assert again.result["written"] == 0
    assert files(small_house.directory / "regions") == before


def test_the_keys_of_the_installation_itself_move_too(small_house: House) -> None:
    key = small_house.services.purpose_keys.get(Purpose.AUDIT)
    version = KeyFile(small_house.directory / "strongroom.keys").rotate("eu")
    small_house.run(request_rotation(small_house.services, RotationRequest("eu", remove_old=True, trace_id=TRACE)))

    with small_house.services.catalog.read() as session:
        assert session.get_one(PurposeKey, "audit").version == version
    assert build_runtime(small_house.services.settings).purpose_keys.get(Purpose.AUDIT) == key


def test_what_a_key_provider_keeps_moves_too(small_house: House) -> None:
    services = small_house.services
    sealer = Sealers(services.catalog, services.keks, services.clock, services.random).current()
    Psks(services.catalog, services.keks, services.clock, services.random).install("B", "p1", bytes(32))
    version = KeyFile(small_house.directory / "strongroom.keys").rotate("eu")

    job = small_house.run(request_rotation(services, RotationRequest("eu", remove_old=True, trace_id=TRACE)))

    assert job.result is not None, job.last_error
    assert job.result["catalog_keys"] == 2
    with services.catalog.read() as session:
        assert session.get_one(SealingKey, sealer.id).version == version
        assert session.get_one(SkipPsk, ("B", "p1")).version == version


def test_a_region_that_is_away_keeps_its_old_slots_and_is_named(small_house: House) -> None:
    small_house.back_up()
    new_version(small_house)
    job = rotate(small_house, remove_old=True, faults=[Fault(Operation.LIST, server_error, times=99)])
    assert job.result is not None, job.last_error
    assert job.result["regions_missed"] == ["ap"]
    assert any("us.v1" in key for key in small_house.objects("ap", "keys/"))
    assert not any("us.v1" in key for key in small_house.objects("us", "keys/"))
    again = rotate(small_house, remove_old=True)
    assert again.result is not None, again.last_error
    assert small_house.objects("ap", "keys/") == small_house.objects("us", "keys/")
