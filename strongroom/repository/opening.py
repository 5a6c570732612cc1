"""From a backup's id to its manifest: every check between the two, in the order docs/format.md gives."""

import hashlib
from uuid import UUID

from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.commit import CommitRecord, Outcome, find_commit
from strongroom.repository.errors import BackupNotFoundError, TamperedError, TruncatedError
from strongroom.repository.head import ManifestHead
from strongroom.repository.layout import backup_slots, manifest_key
from strongroom.repository.manifest import open_manifest, verify_manifest
from strongroom.repository.objects import get_object
from strongroom.repository.packtables import read_tables
from strongroom.repository.records import RecordType
from strongroom.repository.session import BackupIdentity
from strongroom.repository.slots import KeySlot, open_first, read_slots
from strongroom.storage.store import Store


def get_committed(repository: Repository, store: Store, source: str, backup_id: UUID) -> CommitRecord:
    """Return the COMMIT record of a backup; raises BackupNotFoundError where there is none, or an ABORT."""
    record = find_commit(repository, store, source, backup_id)
    if record is None or record.outcome is not Outcome.COMMIT:
        found = "no commit record" if record is None else "an abort record"
        raise BackupNotFoundError(
            f"Region {store.region!r} holds {found} of backup {backup_id} of source {source!r}.",
            next_step="List the backups, or look in another region.",
        )
    return record


def open_committed(repository: Repository, store: Store, kek: KekProvider, record: CommitRecord) -> ManifestHead:
    """Open the manifest a commit record points to.

    Raises WrongKeyError, MissingObjectError, TruncatedError, TamperedError or UnknownVersionError.
    """
    raw = get_object(store, manifest_key(record.source, record.backup_id, record.session_id))
    if len(raw) < record.manifest_size:
        raise TruncatedError(f"The manifest of backup {record.backup_id} is cut short.")
    if hashlib.sha256(raw).digest() != record.manifest_sha256:
        raise TamperedError(f"The manifest of backup {record.backup_id} is not the one that was committed.")
    verify_manifest(repository, raw, record.backup_id, record.session_id)
    slots = read_slots(
        store,
        backup_slots(record.backup_id, record.session_id),
        lambda slot: verify_slot(repository, record, slot),
    )
    _, data_key = open_first(slots, kek, f"backup {record.backup_id} in region {store.region!r}")
    head = open_manifest(repository, data_key, raw, record.backup_id, record.session_id)
    if head.source != record.source or head.kind != record.kind:
        raise TamperedError(f"The manifest of backup {record.backup_id} describes another backup.")
    return read_tables(store, head)


def verify_slot(repository: Repository, record: CommitRecord | BackupIdentity, raw: bytes) -> KeySlot:
    """Read a key slot and check that it was made for this backup and session; raises an integrity error."""
    slot = repository.verify(RecordType.KEY_SLOT, raw, KeySlot)
    wanted = {
        "purpose": "backup",
        "repo": str(repository.repo_id),
        "source": record.source,
        "backup": str(record.backup_id),
        "session": str(record.session_id),
    }
    if wanted.items() - slot.context.items():
        raise TamperedError(f"A key slot of backup {record.backup_id} was made for another backup.")
    return slot
