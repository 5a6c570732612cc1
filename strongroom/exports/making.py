"""Making an export: committed backups copied out of a region, whole or not at all."""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from strongroom.catalog.backup_queries import find_latest_committed, get_backup, list_replicas
from strongroom.catalog.backups import Backup, ReplicaState
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.exports.archive import Written, archive_size, write_archive
from strongroom.exports.checking import unreadable
from strongroom.exports.choosing import Chosen
from strongroom.exports.errors import NoRoomError
from strongroom.exports.manifest import VERSION, DatabasePart, Manifest, StoragePart, manifest_json
from strongroom.exports.naming import MANIFEST, archive_name, directory_name
from strongroom.exports.room import Free, free_bytes, verify_room
from strongroom.repository.mending import add_missing_slots
from strongroom.repository.replica import ObjectRef, replica_objects
from strongroom.services import Services
from strongroom.settings import PostgresSourceSettings
from strongroom.storage.store import Store

Report = Callable[[int, int], None]
"""Called with bytes written so far and the bytes there will be about."""


class NoRegionGivesError(UnavailableError):
    """No region that answers holds the whole backup."""

    code = "exports.no_region"


@dataclass(frozen=True, slots=True)
class Made:
    """An export that is whole: its directory and what its manifest says."""

    directory: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class _Part:
    backup: Backup
    store: Store
    objects: list[ObjectRef]

    @property
    def size(self) -> int:
        return archive_size(self.objects)


def verify_room_before(services: Services, chosen: Chosen, output: Path, free: Free = free_bytes) -> None:
    """Check that at least what the last backups stored fits, before new ones are made; raises NoRoomError.

    How large an export really is, is known when its backups are made, and checked once more then.
    """
    with services.catalog.read() as session:
        found = [find_latest_committed(session, name) for name in chosen.names]
    verify_room(output, sum(backup.stored_bytes for backup in found if backup is not None), free)


def prepare_output(output: Path) -> None:
    """Make the directory of exports where it is missing; raises ExportPlaceError."""
    try:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unreadable(output, error) from None
    if not os.access(output, os.R_OK | os.W_OK | os.X_OK):
        raise unreadable(output, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def make_export(
    services: Services,
    chosen: Chosen,
    backups: Mapping[str, uuid.UUID],
    output: Path,
    report: Report,
    free: Free = free_bytes,
) -> Made:
    """Copy one backup of each source into a new directory below `output`, which shows only when it is whole.

    Raises NoRoomError, ExportPlaceError, NoRegionGivesError, and what opening a backup raises.
    """
    parts = {name: _plan(services, backups[name]) for name in chosen.names}
    total = sum(part.size for part in parts.values())
    verify_room(output, total, free)
    moment = _free_moment(output, services.clock.now())
    with _translated(output), _draft(output, directory_name(moment)) as draft:
        manifest = _write(draft, chosen, parts, moment, lambda done: report(done, total))
    return Made(output / directory_name(moment), manifest)


def _write(
    draft: Path, chosen: Chosen, parts: Mapping[str, _Part], moment: datetime, report: Callable[[int], None]
) -> Manifest:
    database = storage = None
    before = 0
    if chosen.database is not None:
        part, name = parts[chosen.database.name], archive_name("db", moment)
        written = write_archive(draft / name, part.store, part.objects, report)
        database = _database(chosen.database, name, written, part.backup)
        before = written.size
    if chosen.storage is not None:
        part, name = parts[chosen.storage.name], archive_name("storage", moment)
        written = write_archive(draft / name, part.store, part.objects, lambda done: report(before + done))
        storage = StoragePart(
            backup_file=name,
            size_bytes=written.size,
            sha256=written.sha256,
            source=part.backup.source,
            backup=part.backup.id,
        )
    manifest = Manifest(timestamp=moment, version=VERSION, database=database, storage=storage)
    _write_manifest(draft / MANIFEST, manifest)
    return manifest


def _database(source: PostgresSourceSettings, name: str, written: Written, backup: Backup) -> DatabasePart:
    return DatabasePart(
        host=source.host,
        port=str(source.port),
        name=str(source.dbname),
        backup_file=name,
        size_bytes=written.size,
        sha256=written.sha256,
        source=backup.source,
        backup=backup.id,
    )


def _write_manifest(path: Path, manifest: Manifest) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(manifest_json(manifest))
        file.flush()
        os.fsync(file.fileno())


def _plan(services: Services, backup_id: uuid.UUID) -> _Part:
    """Choose the first region that gives the whole backup, and list what it consists of there."""
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        holders = {one.region for one in list_replicas(session, backup_id) if one.state is ReplicaState.PRESENT}
    faults = []
    for region, store in services.stores.items():
        if region not in holders:
            continue
        try:
            return _Part(backup, store, _objects(services, region, backup))
        except StrongroomError as error:
            faults.append(f"{region}: {error.what}")
    raise NoRegionGivesError(
        f"No region gives backup {backup_id} of {backup.source} ({'; '.join(faults) or 'none holds it'}).",
        next_step="Mend a region, or repair the backup: `strongroom repair`; then export again.",
    )


def _objects(services: Services, region: str, backup: Backup) -> list[ObjectRef]:
    repository, store = services.open_repository(), services.stores[region]
    # Whichever key is at hand after a disaster shall open the export; one whose service is away now gets no slot in it.
    with suppress(UnavailableError):
        add_missing_slots(repository, store, services.keks, backup.source, backup.id)
    return replica_objects(repository, store, services.keks[region], backup.source, backup.id)


def _free_moment(output: Path, now: datetime) -> datetime:
    """Return the second that names the export: this one, or the next that has none."""
    second = int(now.timestamp())
    while (output / directory_name(datetime.fromtimestamp(second, UTC))).exists():
        second += 1
    return datetime.fromtimestamp(second, UTC)


@contextmanager
def _draft(output: Path, name: str) -> Iterator[Path]:
    """Give a private directory that gets its name when the block has ended well, and is removed when it has not."""
    draft = output / f".{name}.{os.getpid()}"
    draft.mkdir(mode=0o700)
    try:
        yield draft
        draft.rename(output / name)
        _sync(output)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoRoomError(
                f"The disk of {output} became full while the export was written; nothing was kept of it.",
                next_step="Make room there, or name another directory.",
            ) from None
        raise unreadable(output, error) from None
