"""The tombstone: the record whose creation ends a backup in a region; what it needed alone is garbage from then on.

It is a signed record at a key of its own for each backup: repository, source, backup, reason, time. One object decides,
so a crash never leaves half a retirement; deleting what the backup consisted of is the collector's work.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from strongroom.clock import Clock
from strongroom.repository.access import Repository
from strongroom.repository.errors import TamperedError
from strongroom.repository.layout import TOMBSTONES, tombstone_key
from strongroom.repository.objects import create_object, get_object
from strongroom.repository.records import RecordType
from strongroom.storage.errors import ObjectExistsError
from strongroom.storage.store import Store


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A backup that is no longer wanted, and why."""

    repo: UUID
    source: str
    backup_id: UUID
    retired_at: datetime
    reason: str


def retire_backup(
    repository: Repository, store: Store, source: str, backup_id: UUID, *, reason: str, clock: Clock
) -> None:
    """Say in one region that a backup is no longer wanted; a second call changes nothing.

    The caller sees to it that no session builds upon the backup and that no copy of a child is still under way.
    """
    tombstone = Tombstone(repository.repo_id, source, backup_id, clock.now(), reason)
    with contextlib.suppress(ObjectExistsError):
        create_object(store, tombstone_key(source, backup_id), repository.sign(RecordType.TOMBSTONE, tombstone))


def is_retired(store: Store, source: str, backup_id: UUID) -> bool:
    """Say whether something lies where the tombstone of a backup belongs, whatever it is."""
    return store.find(tombstone_key(source, backup_id)) is not None


def list_tombstones(repository: Repository, store: Store) -> Iterator[Tombstone]:
    """Read every tombstone of a region, in key order; raises TamperedError for one that lies in a wrong place."""
    for info in store.list(TOMBSTONES):
        tombstone = repository.verify(RecordType.TOMBSTONE, get_object(store, info.key), Tombstone)
        expected = tombstone_key(tombstone.source, tombstone.backup_id)
        if tombstone.repo != repository.repo_id or info.key != expected:
            raise TamperedError(f"The tombstone {info.key!r} belongs to another backup.", key=info.key)
        yield tombstone
