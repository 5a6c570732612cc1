"""Who writes what: the identity of a backup in the making, and the marker that pins its session in the region.

The marker is a signed record: repository, session, source, backup, kind, parent, worker, started. A collector keeps the
packs of a session that has a marker but no commit or abort record; see docs/format.md.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from strongroom.clock import Clock
from strongroom.repository.access import Repository
from strongroom.repository.errors import SessionLostError, TamperedError
from strongroom.repository.layout import session_key
from strongroom.repository.objects import get_object, put_object
from strongroom.repository.records import RecordType
from strongroom.storage.store import Store


@dataclass(frozen=True, slots=True)
class BackupIdentity:
    """One attempt at one backup; every attempt has a session of its own."""

    source: str
    source_kind: str
    backup_id: UUID
    session_id: UUID
    kind: str
    policy: str
    parent_id: UUID | None
    worker: str = ""


@dataclass(frozen=True, slots=True)
class SessionMarker:
    """A session that may be writing packs."""

    repo: UUID
    session: UUID
    source: str
    backup: UUID
    kind: str
    parent: UUID | None
    worker: str
    started: datetime


def put_session(repository: Repository, store: Store, identity: BackupIdentity, clock: Clock) -> None:
    """Write the session's marker."""
    marker = SessionMarker(
        repo=repository.repo_id,
        session=identity.session_id,
        source=identity.source,
        backup=identity.backup_id,
        kind=identity.kind,
        parent=identity.parent_id,
        worker=identity.worker,
        started=clock.now(),
    )
    put_object(store, session_key(identity.session_id), repository.sign(RecordType.SESSION, marker))


def get_session(repository: Repository, store: Store, session_id: UUID) -> SessionMarker:
    """Read a session's marker; raises MissingObjectError or TamperedError."""
    marker = repository.verify(RecordType.SESSION, get_object(store, session_key(session_id)), SessionMarker)
    if marker.repo != repository.repo_id or marker.session != session_id:
        raise TamperedError(f"The marker of session {session_id} belongs to another session.")
    return marker


def verify_pinned(store: Store, session_id: UUID) -> None:
    """Check that the session's marker still stands; raises SessionLostError.

    Packs without a marker are garbage to a collector, so what was written without one may not be committed.
    """
    if store.find(session_key(session_id)) is None:
        raise SessionLostError(
            f"The marker of session {session_id} has gone from region {store.region!r} before the backup was done.",
            next_step="Start the backup again. If it was not aborted, find out who deletes objects in the region.",
        )
