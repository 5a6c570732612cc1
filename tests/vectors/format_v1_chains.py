"""Reading the vectors of chains: tables of packs, tombstones, and checkpoints of sessions that died."""

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.errors import StrongroomError
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository, open_repository
from strongroom.repository.checkpoint import CheckpointPlace, open_checkpoint
from strongroom.repository.layout import CHECKPOINTS, backup_slots, checkpoint_prefix
from strongroom.repository.opening import verify_slot
from strongroom.repository.reader import BackupReader
from strongroom.repository.resuming import find_predecessors
from strongroom.repository.retiring import list_tombstones
from strongroom.repository.session import BackupIdentity, get_session
from strongroom.repository.slots import open_first, read_slots
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Item
from tests.vectors.format_v1 import SOUND, changed, opened_keys

REGION = "home"


@dataclass(frozen=True)
class Opened:
    """A repository in memory."""

    store: MemoryStore
    kek: KekProvider
    repository: Repository


@contextmanager
def opened(store: MemoryStore, keys: Path) -> Iterator[Opened]:
    with opened_keys(keys) as key_file:
        kek = LocalKekProvider(key_file, REGION, os.urandom)
        yield Opened(store, kek, open_repository(store, kek))


def describe_tables(at: Opened, source: str, backup_id: uuid.UUID) -> dict[str, Any]:
    """Say which packs a backup lists in tables, and which itself."""
    head = BackupReader(at.repository, at.store, at.kek, source, backup_id).head
    return {
        "packs": [[pack.ordinal, pack.sha256.hex(), pack.size] for pack in head.packs],
        "tables": [[table.pack, table.count, [pack.ordinal for pack in table.rows]] for table in head.tables],
    }


def describe_tombstones(at: Opened) -> list[dict[str, str]]:
    return [
        {name: str(getattr(one, name)) for name in one.__slots__} for one in list_tombstones(at.repository, at.store)
    ]


def describe_checkpoints(at: Opened, session: uuid.UUID) -> list[dict[str, Any]]:
    """Say everything that the checkpoints of a session hold."""
    count = sum(1 for _ in at.store.list(checkpoint_prefix(session)))
    return [_checkpoint(at, session, number) for number in range(count)]


def describe_resumable(at: Opened, sessions: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Say what the next attempt would take over from dead ones, the newest first."""
    found = find_predecessors(at.repository, at.store, at.kek, _identity(at, sessions[0]), sessions)
    return [
        {
            "packs": [pack.ordinal for pack in one.packs],
            "top": one.top,
            "files": [step.entry.name.decode() for step in one.walk({}) if isinstance(step, Item)],
        }
        for one in found
    ]


def chain_outcome(store: MemoryStore, keys: Path, case: dict[str, Any]) -> str:
    """Read a changed tombstone or checkpoint; return the code of the refusal, or that it is sound."""
    broken = MemoryStore(REGION)
    broken.objects.update(changed(store.objects, case))
    try:
        with opened(broken, keys) as at:
            if case["key"].startswith(CHECKPOINTS):
                _, session, number = case["key"].split("/")
                _checkpoint(at, uuid.UUID(session), int(number))
            else:
                describe_tombstones(at)
    except StrongroomError as error:
        return error.code
    return SOUND


def _identity(at: Opened, session: uuid.UUID) -> BackupIdentity:
    marker = get_session(at.repository, at.store, session)
    return BackupIdentity(marker.source, "files", marker.backup, session, marker.kind, "p", marker.parent)


def _checkpoint(at: Opened, session: uuid.UUID, number: int) -> dict[str, Any]:
    identity = _identity(at, session)
    slots = read_slots(
        at.store, backup_slots(identity.backup_id, session), lambda raw: verify_slot(at.repository, identity, raw)
    )
    _, data_key = open_first(slots, at.kek, "the session")
    place = CheckpointPlace(at.repository.repo_id, identity.backup_id, session)
    read = open_checkpoint(place, data_key, at.store.objects[f"{checkpoint_prefix(session)}{number:08}"], number)
    return {
        "number": read.head.number,
        "started": str(read.head.started),
        "parent": str(read.head.parent_id),
        "upon": [[one.session.hex(), one.checkpoints] for one in read.head.upon],
        "top": read.head.top,
        "places": [list(place) for place in read.head.places],
        "packs": [[pack.ordinal, pack.sha256.hex(), pack.size] for pack in read.packs],
        "tree": [hashlib.sha256(frame).hexdigest() for frame in read.tree],
    }
