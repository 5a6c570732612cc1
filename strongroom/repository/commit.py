"""The commit record: the one object whose creation makes a backup exist, or keeps it from ever existing.

It is a signed record at a key of its own for each backup and is created only if absent, so that of all sessions and of
the reaper exactly one wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from strongroom.clock import Clock
from strongroom.ids import InvalidIdError, parse_id
from strongroom.repository.access import Repository
from strongroom.repository.errors import CommitRefusedError, TamperedError
from strongroom.repository.layout import COMMITS, commit_key
from strongroom.repository.objects import create_object, find_object, get_object
from strongroom.repository.records import RecordType
from strongroom.repository.session import BackupIdentity
from strongroom.storage.errors import ObjectExistsError
from strongroom.storage.store import Store


class Outcome(StrEnum):
    """What a commit record says about its backup."""

    COMMIT = "commit"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What became of a backup; an ABORT has no manifest (empty digest, size 0) but a reason.

    `committed_at` is when the record was made, whatever the outcome.
    """

    outcome: Outcome
    repo: UUID
    source: str
    backup_id: UUID
    session_id: UUID
    kind: str
    created_at: datetime
    committed_at: datetime
    manifest_sha256: bytes = b""
    manifest_size: int = 0
    reason: str = ""


def find_commit(repository: Repository, store: Store, source: str, backup_id: UUID) -> CommitRecord | None:
    """Read a backup's commit record, if there is one; raises an integrity error where it is not what was signed."""
    raw = find_object(store, commit_key(source, backup_id))
    return None if raw is None else _parse(repository, raw, source, backup_id)


def list_commits(repository: Repository, store: Store) -> Iterator[CommitRecord]:
    """Read every commit and abort record of a region, in key order."""
    for info in store.list(COMMITS):
        source, _, name = info.key.removeprefix(COMMITS).rpartition("/")
        yield _parse(repository, get_object(store, info.key), source, _backup_id(info.key, source, name))


def abort_session(
    repository: Repository, store: Store, identity: BackupIdentity, *, reason: str, clock: Clock
) -> CommitRecord:
    """Take the commit key with an ABORT, so that no session can commit this backup any more.

    Returns the record that stands, which is a COMMIT where a session was faster.
    """
    now = clock.now()
    record = CommitRecord(
        outcome=Outcome.ABORT,
        repo=repository.repo_id,
        source=identity.source,
        backup_id=identity.backup_id,
        session_id=identity.session_id,
        kind=identity.kind,
        created_at=now,
        committed_at=now,
        reason=reason,
    )
    return _create_or_read(repository, store, record)


def create_commit(repository: Repository, store: Store, record: CommitRecord) -> CommitRecord:
    """Create a COMMIT record, or return the standing one if this session made it for the same manifest.

    Raises CommitRefusedError if an ABORT or another session's COMMIT stands.
    """
    standing = _create_or_read(repository, store, record)
    ours = (Outcome.COMMIT, record.session_id, record.manifest_sha256)
    if (standing.outcome, standing.session_id, standing.manifest_sha256) == ours:
        return standing
    raise CommitRefusedError(
        f"Backup {record.backup_id} cannot be committed: {_who(standing)}.",
        next_step="Nothing was lost; start a new backup if no other attempt has committed this one.",
        session=str(standing.session_id),
    )


def _who(standing: CommitRecord) -> str:
    if standing.outcome is Outcome.ABORT:
        return "it was aborted meanwhile"
    return f"session {standing.session_id} has committed it already"


def _create_or_read(repository: Repository, store: Store, record: CommitRecord) -> CommitRecord:
    key = commit_key(record.source, record.backup_id)
    try:
        create_object(store, key, repository.sign(RecordType.COMMIT, record))
    except ObjectExistsError:
        return _parse(repository, get_object(store, key), record.source, record.backup_id)
    return record


def _parse(repository: Repository, raw: bytes, source: str, backup_id: UUID) -> CommitRecord:
    record = repository.verify(RecordType.COMMIT, raw, CommitRecord)
    if (record.repo, record.source, record.backup_id) != (repository.repo_id, source, backup_id):
        raise TamperedError(f"The commit record of backup {backup_id} belongs to another backup.")
    return record


def _backup_id(key: str, source: str, name: str) -> UUID:
    try:
        backup_id = parse_id(name, "backup")
    except InvalidIdError:
        raise TamperedError(f"The object {key!r} lies where only commit records do.", key=key) from None
    # An id has several spellings; under any other than ours the record would count as one more backup.
    if key != commit_key(source, backup_id):
        raise TamperedError(f"The commit record {key!r} does not lie where it belongs.", key=key)
    return backup_id
