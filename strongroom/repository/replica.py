"""What one region needs to hold a backup: every object with size and SHA-256, in the order it is safe to copy them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository, RepositoryRecord
from strongroom.repository.commit import CommitRecord
from strongroom.repository.head import ManifestHead
from strongroom.repository.layout import (
    REPOSITORY_KEY,
    ROOT_SLOTS,
    backup_slots,
    commit_key,
    manifest_key,
    pack_key,
    session_key,
)
from strongroom.repository.objects import get_object
from strongroom.repository.opening import get_committed, open_committed, verify_slot
from strongroom.repository.records import RecordType
from strongroom.repository.session import get_session
from strongroom.repository.slots import read_slots
from strongroom.storage.store import Store


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object to copy: its key, its size in bytes and the SHA-256 it must have."""

    key: str
    size: int
    sha256: bytes


def replica_objects(
    repository: Repository, store: Store, kek: KekProvider, source: str, backup_id: UUID
) -> list[ObjectRef]:
    """List what a replica of a backup is made of, as this region holds it.

    The order is the writer's: root slots and repository record, session markers, packs, manifest, key slots, and the
    commit record last, so that a copy that stops anywhere leaves no backup that only seems whole. Everything but the
    packs is read and verified on the way. Raises what opening a backup raises.
    """
    record = get_committed(repository, store, source, backup_id)
    head = open_committed(repository, store, kek, record)
    return [
        *_repository_objects(repository, store),
        *_session_markers(repository, store, head),
        *(ObjectRef(pack_key(pack.session_id, pack.sha256), pack.size, pack.sha256) for pack in head.packs),
        ObjectRef(manifest_key(source, backup_id, record.session_id), record.manifest_size, record.manifest_sha256),
        *_key_slots(repository, store, record),
        _ref(commit_key(source, backup_id), get_object(store, commit_key(source, backup_id))),
    ]


def _repository_objects(repository: Repository, store: Store) -> Iterator[ObjectRef]:
    for stored in read_slots(store, ROOT_SLOTS, repository.verify_root_slot):
        yield _ref(stored.key, stored.raw)
    raw = get_object(store, REPOSITORY_KEY)
    repository.verify(RecordType.REPOSITORY, raw, RepositoryRecord)
    yield _ref(REPOSITORY_KEY, raw)


def _session_markers(repository: Repository, store: Store, head: ManifestHead) -> Iterator[ObjectRef]:
    for session_id in sorted({head.session_id, *(pack.session_id for pack in head.packs)}):
        get_session(repository, store, session_id)
        yield _ref(session_key(session_id), get_object(store, session_key(session_id)))


def _key_slots(repository: Repository, store: Store, record: CommitRecord) -> Iterator[ObjectRef]:
    prefix = backup_slots(record.backup_id, record.session_id)
    for stored in read_slots(store, prefix, lambda raw: verify_slot(repository, record, raw)):
        yield _ref(stored.key, stored.raw)


def _ref(key: str, raw: bytes) -> ObjectRef:
    return ObjectRef(key, len(raw), hashlib.sha256(raw).digest())
