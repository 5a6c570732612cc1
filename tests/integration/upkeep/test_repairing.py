"""What a region lacks or holds damaged is fetched from another; what is whole nowhere is named with its files."""

import pytest

from strongroom.catalog.jobs import Job
from strongroom.keyring.errors import KeyProviderUnavailableError
from strongroom.keyring.local import LocalKekProvider
from strongroom.upkeep.repairing import RepairRequest, request_repair
from tests.integration.backup.conftest import TRACE, House
from tests.integration.backup.test_damage import damage, state_of


def repair(house: House, backup: Job, region: str, *, apply: bool = True) -> dict[str, object]:
    job = house.run(request_repair(house.services, RepairRequest(str(backup.id), region, apply, None, TRACE)))
    assert job.result is not None, job.last_error
    return job.result


def objects(house: House, backup: Job, kind: str) -> str:
    return f"keys/{backup.id.hex}" if kind == "keys/" else kind


@pytest.mark.parametrize(("region", "missing"), [("eu", True), ("us", False)])
@pytest.mark.parametrize("kind", ["p/", "m/", "c/", "s/", "keys/", "repo"])
def test_whatever_is_broken_in_a_region_is_mended_from_the_others(
    small_house: House, region: str, kind: str, *, missing: bool
) -> None:
    backup = small_house.back_up()
    path = damage(small_house, region, objects(small_house, backup, kind))
    if missing:
        path.unlink()
    key = str(path.relative_to(small_house.directory / "regions" / region))

    found = repair(small_house, backup, region, apply=False)
    assert (found["broken"], found["repaired"]) == ([key], [])
    mended = repair(small_house, backup, region)

    assert (mended["broken"], mended["repaired"], mended["lost"]) == ([key], [key], [])
    assert repair(small_house, backup, region)["broken"] == []
    assert state_of(small_house, backup, region) == "present"
    assert small_house.backup(backup).protected_at is not None
    assert small_house.restore(backup, region=region).state == "succeeded"


def test_what_is_whole_nowhere_is_named_with_the_files_it_belongs_to(small_house: House) -> None:
    backup = small_house.back_up()
    key = max(small_house.objects("eu", "p/"), key=lambda key: small_house.services.stores["eu"].find(key).size)
    for region in ("eu", "us", "ap"):
        small_house.services.stores[region].delete(key)

    result = repair(small_house, backup, "us")

    assert result["lost"] == [key]
    assert sorted(result["files"]) == sorted(f"{number}.txt" for number in range(20))
    assert state_of(small_house, backup, "us") == "damaged"
    assert small_house.backup(backup).protected_at is None


def test_one_good_pack_in_each_region_makes_every_region_whole(small_house: House) -> None:
    backup = small_house.back_up()
    first, second = small_house.objects("eu", "p/")[:2]
    small_house.services.stores["eu"].delete(first)
    small_house.services.stores["us"].delete(second)
    small_house.services.stores["ap"].delete(first)
    for region in ("eu", "us", "ap"):
        assert repair(small_house, backup, region)["lost"] == []


def test_a_key_slot_that_was_missed_is_added_to_every_region(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    kek = small_house.services.keks["ap"]
    assert isinstance(kek, LocalKekProvider)

    def away(*_: object) -> None:
        raise KeyProviderUnavailableError("The key service is away.", next_step="Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(kek, "wrap", away)
        backup = small_house.run(small_house.request())
        small_house.copy()
    prefix = f"keys/{backup.id.hex}"
    small_house.copy()
    assert len(small_house.objects("us", prefix)) == 2

    for region in ("eu", "us", "ap"):
        repair(small_house, backup, region)

    slots = [small_house.objects(region, prefix) for region in ("eu", "us", "ap")]
    assert len(slots[0]) == 3
    assert slots[0] == slots[1] == slots[2]
