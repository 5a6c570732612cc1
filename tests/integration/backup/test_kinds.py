"""Full, differential and incremental backups: each complete, each upon the parent its kind says."""

import uuid

from sqlalchemy import select

from strongroom.backup.kinds import RequestedKind
from strongroom.catalog.backup_queries import is_pinned
from strongroom.catalog.backups import Backup, BackupKind
from strongroom.catalog.jobs import Job
from strongroom.repository.layout import manifest_key
from strongroom.repository.session import get_session
from strongroom.testing.stores import Fault, Operation, server_error
from tests.integration.backup.conftest import House


def described(house: House, job: Job) -> tuple[BackupKind, uuid.UUID | None]:
    backup = house.backup(job)
    return backup.kind, backup.parent_id


def test_each_kind_takes_its_parent(house: House) -> None:
    full = house.back_up(RequestedKind.INCREMENTAL)
    first = house.back_up(RequestedKind.INCREMENTAL)
    second = house.back_up(RequestedKind.INCREMENTAL)
    differential = house.back_up(RequestedKind.DIFFERENTIAL)
    after = house.back_up(RequestedKind.AUTO)
    anew = house.back_up(RequestedKind.FULL)
    assert described(house, full) == (BackupKind.FULL, None)
    assert described(house, first) == (BackupKind.INCREMENTAL, full.id)
    assert described(house, second) == (BackupKind.INCREMENTAL, first.id)
    assert described(house, differential) == (BackupKind.DIFFERENTIAL, full.id)
    assert described(house, after) == (BackupKind.INCREMENTAL, differential.id)
    assert described(house, anew) == (BackupKind.FULL, None)
    assert house.restore(after, region="ap", target="after").state == "succeeded"
    assert house.is_restored("after")


def test_an_incremental_backup_stores_what_changed_and_its_copies_are_whole(small_house: House) -> None:
    small_house.back_up()
    (small_house.tree / "new.txt").write_text("new")
    (small_house.tree / "3.txt").unlink()
    (small_house.tree / "4.txt").write_text("other")
    made = small_house.back_up()
    backup = small_house.backup(made)
    assert (backup.kind, backup.files) == (BackupKind.INCREMENTAL, 20)
    assert backup.reused_bytes > backup.stored_bytes > 0
    for region in ("eu", "us", "ap"):
        assert small_house.restore(made, region=region, target=region).state == "succeeded"
        assert small_house.is_restored(region)


def test_the_marker_names_the_parent_before_anything_is_reused(small_house: House) -> None:
    full = small_house.back_up()
    services = small_house.with_faults("eu", [Fault(Operation.LIST, server_error, key_prefix="p/")])
    job = small_house.run(small_house.request(), services)
    assert job.state == "queued"
    backup = small_house.backup(job)
    marker = get_session(small_house.services.open_repository(), small_house.services.stores["eu"], backup.session_id)
    assert marker.parent == full.id
    with small_house.services.catalog.read() as session:
        assert list(session.scalars(select(Backup.id).where(is_pinned()))) == [full.id]


def test_a_parent_whose_manifest_is_lost_is_replaced_by_an_older_one(small_house: House) -> None:
    full = small_house.back_up()
    lost = small_house.back_up()
    forget_manifest(small_house, lost)
    made = small_house.back_up()
    assert described(small_house, made) == (BackupKind.INCREMENTAL, full.id)
    assert f"Backup {lost.id} cannot be a parent" in small_house.backup(made).facts["parent_warning"]


def test_without_any_parent_that_can_be_read_a_full_backup_is_made(small_house: House) -> None:
    full = small_house.back_up()
    forget_manifest(small_house, full)
    made = small_house.back_up()
    assert described(small_house, made) == (BackupKind.FULL, None)
    assert "repository.object_missing" in small_house.backup(made).facts["parent_warning"]
    small_house.restore(made)
    assert small_house.is_restored()


def forget_manifest(house: House, job: Job) -> None:
    session = house.backup(job).session_id
    house.services.stores["eu"].delete(manifest_key("tree", job.id, session))
