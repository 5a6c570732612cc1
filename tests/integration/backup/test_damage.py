"""Damage in a region: found by a verification, never restored as if it were whole, mended from another region."""

from pathlib import Path

import pytest

from strongroom.backup.requests import VerificationRequest, request_verification
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import ReplicaState, Verification, VerificationLevel
from strongroom.catalog.jobs import Job
from strongroom.errors import CannotDecryptError
from strongroom.keyring.key_file import KeyFile
from strongroom.runtime import build_runtime
from tests.integration.backup.conftest import TRACE, House


def verify(house: House, backup: Job, region: str, level: VerificationLevel) -> Verification:
    """Run a verification and return what it found."""
    request = VerificationRequest(str(backup.id), region, level, None, TRACE)
    job = house.run(house.services.ledger.get(request_verification(house.services, request).id))
    assert job.state == "succeeded", job.last_error
    with house.services.catalog.read() as session:
        return session.get_one(Verification, job.id)


def state_of(house: House, backup: Job, region: str) -> ReplicaState:
    """Return where a region's copy stands."""
    with house.services.catalog.read() as session:
        return next(r.state for r in list_replicas(session, backup.id) if r.region == region)


def damage(house: House, region: str, prefix: str) -> Path:
    """Flip one bit in the middle of the first object below a prefix, as a bad disk does."""
    key = house.objects(region, prefix)[0]
    path = house.directory / "regions" / region / key
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("level", list(VerificationLevel))
def test_a_whole_copy_passes(small_house: House, level: VerificationLevel) -> None:
    found = verify(small_house, small_house.back_up(), "us", level)
    assert (found.passed, found.damage) == (True, [])
    assert found.bytes > 0


@pytest.mark.parametrize("prefix", ["p/", "m/", "c/", "keys/"])
@pytest.mark.parametrize("level", list(VerificationLevel))
def test_a_flipped_bit_anywhere_is_found(small_house: House, level: VerificationLevel, prefix: str) -> None:
    backup = small_house.back_up()
    prefix = f"keys/{backup.id.hex}" if prefix == "keys/" else prefix
    damage(small_house, "us", prefix)
    found = verify(small_house, backup, "us", level)
    assert found.passed is False
    assert found.damage
    assert state_of(small_house, backup, "us") is ReplicaState.DAMAGED


@pytest.mark.parametrize("region", ["eu", "us"])
@pytest.mark.parametrize("prefix", ["p/", "m/"])
def test_a_damaged_copy_is_mended_from_another_region(small_house: House, region: str, prefix: str) -> None:
    backup = small_house.back_up()
    damage(small_house, region, prefix)
    verify(small_house, backup, region, VerificationLevel.PRESENCE)
    assert small_house.backup(backup).protected_at is None
    assert [job.state for job in small_house.copy()] == ["succeeded"]
    assert state_of(small_house, backup, region) is ReplicaState.PRESENT
    assert small_house.backup(backup).protected_at is not None
    assert verify(small_house, backup, region, VerificationLevel.DATA).passed


def test_a_missing_object_is_found_and_mended(small_house: House) -> None:
    backup = small_house.back_up()
    small_house.services.stores["us"].delete(small_house.objects("us", "p/")[0])
    assert not verify(small_house, backup, "us", VerificationLevel.PRESENCE).passed
    small_house.copy()
    assert verify(small_house, backup, "us", VerificationLevel.PRESENCE).passed


def test_a_damaged_pack_is_never_restored_as_if_it_were_whole(small_house: House) -> None:
    backup = small_house.back_up()
    damage(small_house, "us", "p/")
    restored = small_house.restore(backup, region="us")
    assert restored.state == "failed"
    assert restored.last_error is not None
    assert restored.last_error["code"].startswith("repository.")
    assert small_house.restore(backup, region="eu", target="whole").state == "succeeded"
    assert small_house.is_restored("whole")


def test_damage_does_not_travel_to_another_region(small_house: House) -> None:
    job = small_house.run(small_house.request())
    damage(small_house, "eu", "p/")
    assert {copy.state for copy in small_house.copy()} == {"failed"}
    assert small_house.objects("us", "c/") == small_house.objects("ap", "c/") == []
    assert state_of(small_house, job, "us") is ReplicaState.WANTED


def test_another_installations_keys_do_not_open_a_backup(small_house: House) -> None:
    backup = small_house.back_up()
    keys = small_house.directory / "strongroom.keys"
    for path in (keys, keys.with_name("strongroom.keys.copy")):
        path.unlink()
    KeyFile.create(keys, ["eu", "us", "ap"])
    newcomer = build_runtime(small_house.services.settings).services()
    with pytest.raises(CannotDecryptError):
        newcomer.open_repository()
    job = small_house.restore_with(newcomer, backup)
    assert job.state == "failed"
    assert job.last_error is not None
    assert "key" in job.last_error["message"]
