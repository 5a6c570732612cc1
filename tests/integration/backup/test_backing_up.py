"""A backup from request to restore, and everything that can be wrong with what it reads."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.lookup import resolve_backup
from strongroom.backup.reconcile import reconcile as reconcile_backups
from strongroom.backup.requests import BackupRequest, request_backup
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import FilesTargetRequest
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import BackupState
from strongroom.errors import ExitCode
from strongroom.jobs.errors import IdempotencyConflictError
from strongroom.keyring.errors import KeyProviderUnavailableError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.levels.status import status
from strongroom.settings.errors import UnknownSourceError
from strongroom.storage.store import Body, Evidence, Store
from strongroom.testing.stores import Fault, FaultyStore, Operation, no_room, server_error
from tests.integration.backup.conftest import TRACE, House


def test_a_backup_is_committed_then_protected_then_restored_from_every_region(house: House) -> None:
    job = house.run(house.request())
    assert house.backup(job).state is BackupState.COMMITTED
    assert house.backup(job).protected_at is None
    house.copy()
    assert house.backup(job).protected_at is not None
    for region in ("eu", "us", "ap"):
        assert house.restore(job, region=region, target=region).state == "succeeded"
        assert house.is_restored(region)


def test_every_region_holds_the_same_objects(small_house: House) -> None:
    small_house.back_up()
    assert small_house.objects("eu", "") == small_house.objects("us", "") == small_house.objects("ap", "")


def test_the_same_idempotency_key_means_the_same_job(house: House) -> None:
    first = request_backup(house.services, BackupRequest("tree", RequestedKind.FULL, "once", TRACE))
    again = request_backup(house.services, BackupRequest("tree", RequestedKind.FULL, "once", TRACE))
    assert first.id == again.id


def test_an_idempotency_key_is_not_taken_for_another_request(house: House) -> None:
    job = house.back_up()
    request_backup(house.services, BackupRequest("tree", RequestedKind.FULL, "once", TRACE))
    with pytest.raises(IdempotencyConflictError):
        restore_with_key(house, str(job.id), "once")


def restore_with_key(house: House, backup: str, key: str) -> None:
    target = FilesTargetRequest(house.directory / "elsewhere")
    request_restore(house.services, RestoreRequest(backup, None, target, False, None, key, TRACE))


def test_an_unknown_source_is_refused_with_the_nearest_name(small_house: House) -> None:
    with pytest.raises(UnknownSourceError, match="Did you mean 'tree'"):
        small_house.request("tee")


def test_an_empty_directory_fails_the_job_and_leaves_no_backup(small_house: House) -> None:
    for path in small_house.tree.iterdir():
        path.unlink()
    job = small_house.run(small_house.request())
    assert (job.state, job.last_error and job.last_error["code"]) == ("failed", "sources.empty")
    assert reconcile_backups(small_house.services).aborted == 1
    assert small_house.backup(job).state is BackupState.ABORTED
    assert small_house.objects("eu", "p/") == small_house.objects("eu", "s/") == []


def test_a_file_that_cannot_be_read_makes_the_backup_partial_and_is_named(small_house: House) -> None:
    (small_house.tree / "secret.txt").touch(mode=0)
    small_house.runtime.close()
    done = run_command(small_house, "backup", "run", "tree", "--here")
    assert done.returncode == ExitCode.PARTIAL, done.stderr
    assert "secret.txt" in done.stderr + done.stdout


def run_command(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the right of root to read whatever it likes."""
    without_it = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*without_it, sys.executable, "-m", "strongroom", "--config", house.directory / "strongroom.toml", *words],
        env={**os.environ, "STRONGROOM_CATALOG_URL": house.services.settings.catalog_url.get_secret_value()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk_fails_the_job_and_what_was_committed_still_restores(small_house: House) -> None:
    earlier = small_house.back_up()
    services = small_house.with_faults("eu", [Fault(Operation.PUT, no_room, key_prefix="p/", times=100)])
    job = small_house.run(small_house.request(kind=RequestedKind.FULL), services)
    assert (job.state, job.last_error and job.last_error["code"]) == ("failed", "storage.full")
    assert resolve_latest(small_house) == earlier.id
    small_house.restore(earlier)
    assert small_house.is_restored()


def resolve_latest(house: House) -> object:
    with house.services.catalog.read() as session:
        return resolve_backup(session, "latest:tree").id


def test_a_store_that_answers_500_is_tried_again_later(small_house: House) -> None:
    services = small_house.with_faults("eu", [Fault(Operation.PUT, server_error, key_prefix="p/")])
    job = small_house.run(small_house.request(), services)
    assert (job.state, job.last_error and job.last_error["retryable"]) == ("queued", True)


def test_a_region_that_is_away_leaves_the_backup_committed_but_not_protected(small_house: House) -> None:
    away = small_house.directory / "regions" / "ap"
    away.rename(small_house.directory / "unmounted")
    job = small_house.back_up()
    assert small_house.backup(job).protected_at is None
    (small_house.directory / "unmounted").rename(away)
    small_house.copy()
    assert small_house.backup(job).protected_at is not None


def test_a_copy_is_confirmed_by_checksum(small_house: House) -> None:
    job = small_house.back_up()
    with small_house.services.catalog.read() as session:
        evidence = {r.region: r.evidence for r in list_replicas(session, job.id)}
    assert evidence["us"] == evidence["ap"] == Evidence.CHECKSUM


def test_a_lost_home_region_is_passed_over(small_house: House) -> None:
    job = small_house.back_up()
    (small_house.directory / "regions" / "eu").rename(small_house.directory / "gone")
    restored = small_house.restore(job)
    assert restored.result is not None
    assert restored.result["region"] == "us"
    assert small_house.is_restored()


def test_names_that_are_not_utf8_are_backed_up_and_reported(small_house: House) -> None:
    name = os.fsdecode(bytes(small_house.tree) + b"/\xff\xfe")
    Path(name).write_bytes(b"raw")
    job = small_house.back_up()
    small_house.restore(job)
    assert small_house.is_restored()


def test_a_region_whose_key_service_was_away_gets_its_key_slot_with_its_copy(small_house: House) -> None:
    away = dataclasses.replace(small_house.services, keks=KeksWithoutOne(small_house.services.keks, "us"))
    job = small_house.run(small_house.request(), away)
    assert job.state == "succeeded", job.last_error
    small_house.copy()
    assert small_house.restore(job, region="us").state == "succeeded"
    slots = [key for key in small_house.objects("us", f"keys/{job.id.hex}/") if ".us." in key]
    assert len(slots) == 1


class KeksWithoutOne(dict[str, KekProvider]):
    """All the keys, one of them with a provider that does not answer."""

    def __init__(self, keks: Mapping[str, KekProvider], missing: str) -> None:
        super().__init__({name: keks[name] for name in keks})
        self[missing] = SilentKek()


class SilentKek:
    """A key management service that cannot be reached."""

    name = "local"

    def current_version(self) -> str:
        raise self._away()

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        raise self._away()

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        raise self._away()

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        raise self._away()

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        raise self._away()

    @staticmethod
    def _away() -> KeyProviderUnavailableError:
        return KeyProviderUnavailableError("The key service does not answer.", next_step="Wait for it.")


def test_a_protected_source_is_not_healthy_while_a_region_is_lost(small_house: House) -> None:
    small_house.back_up()
    assert status(small_house.services).healthy
    lost = small_house.directory / "regions" / "ap"
    lost.rename(small_house.directory / "unmounted")
    small_house.copy()
    assert list(status(small_house.services).region_faults) == ["ap"]
    assert not status(small_house.services).healthy
    (small_house.directory / "unmounted").rename(lost)
    small_house.copy()
    assert status(small_house.services).healthy


def test_a_region_that_comes_back_empty_is_a_fault(small_house: House) -> None:
    small_house.back_up()
    for key in small_house.objects("us", ""):
        small_house.services.stores["us"].delete(key)
    small_house.copy()
    assert "holds no repository" in status(small_house.services).region_faults["us"]


def test_a_region_that_keeps_other_bytes_than_it_was_given_gets_no_commit(small_house: House) -> None:
    stores = dict(small_house.services.stores)
    stores["eu"] = ForgetfulStore(stores["eu"])
    job = small_house.run(small_house.request(), dataclasses.replace(small_house.services, stores=stores))
    assert job.state != "succeeded"
    assert small_house.objects("eu", "c/") == []


class ForgetfulStore(FaultyStore):
    """A store that answers well and keeps only the first half of every pack, as a full and lying disk does."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, [])
        self._kept = store

    def put(self, key: str, body: Body, *, sha256: bytes) -> None:
        """Keep half of a pack."""
        half = bytes(body)[: len(body) // 2] if key.startswith("p/") else bytes(body)
        self._kept.put(key, half, sha256=hashlib.sha256(half).digest())
