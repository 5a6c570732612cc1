"""Telling the catalog what AWS holds."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState
from strongroom.catalog.protection import protect_if_whole
from strongroom.cloud.snapshots import CloudSnapshot
from strongroom.errors import StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.services import Services


def record_taken(
    services: Services, context: JobContext, region: str, taken: Sequence[CloudSnapshot], facts: dict[str, Any]
) -> dict[str, Any]:
    """Call the backup committed, and every region but the source's wanted; return the job's result."""
    now = services.clock.now()
    more = facts | (context.cursor or {}).get("facts", {})
    return context.step("committed", lambda session: _commit(session, context.job_id, region, taken, more, now)) or {}


def _commit(
    session: Session,
    backup_id: uuid.UUID,
    region: str,
    taken: Sequence[CloudSnapshot],
    facts: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    backup = session.get_one(Backup, backup_id)
    backup.state, backup.committed_at = BackupState.COMMITTED, now
    # What counts is the moment whose state it holds, not when somebody asked for it.
    backup.created_at = min(snapshot.taken_at for snapshot in taken)
    backup.source_bytes = sum(snapshot.bytes for snapshot in taken)
    backup.objects = len(taken)
    parts = [{"name": snapshot.part, "bytes": snapshot.bytes} for snapshot in taken]
    backup.facts = facts | {"parts": parts, "snapshots": {region: ids_by_part(taken)}}
    for name in backup.regions:
        if session.get(Replica, (backup_id, name)) is None:
            session.add(new_replica(backup, name, present=name == region, now=now))
    session.flush()
    protect_if_whole(session, backup_id, now)
    return {
        "backup": str(backup_id),
        "source": backup.source,
        "partial": False,
        "files": 0,
        "source_bytes": backup.source_bytes,
        "stored_bytes": 0,
        "problem_count": 0,
        "problems": [],
        "snapshots": ids_by_part(taken),
    }


def new_replica(backup: Backup, region: str, *, present: bool, now: datetime) -> Replica:
    """Return what the catalog says of a region: that it holds the backup whole, or is to."""
    return Replica(
        backup_id=backup.id,
        region=region,
        state=ReplicaState.PRESENT if present else ReplicaState.WANTED,
        objects=backup.objects if present else 0,
        bytes=backup.source_bytes if present else 0,
        confirmed_at=now if present else None,
        updated_at=now,
    )


def record_copied(
    session: Session, backup_id: uuid.UUID, region: str, held: Sequence[CloudSnapshot], at: datetime
) -> None:
    """Call the region's copies present, and the backup protected once all are."""
    backup = session.get_one(Backup, backup_id, with_for_update=True)
    backup.facts = backup.facts | {"snapshots": backup.facts.get("snapshots", {}) | {region: ids_by_part(held)}}
    replica = session.get_one(Replica, (backup_id, region))
    replica.state, replica.last_error = ReplicaState.PRESENT, None
    replica.objects, replica.bytes = len(held), sum(snapshot.bytes for snapshot in held)
    replica.confirmed_at = replica.updated_at = at
    session.flush()
    protect_if_whole(session, backup_id, at)


def note_failure(services: Services, backup_id: uuid.UUID, region: str, error: StrongroomError) -> None:
    """Write down why a copy did not come about."""
    with services.catalog.begin() as session:
        replica = session.get_one(Replica, (backup_id, region))
        replica.last_error = f"{error.code}: {error.what}"[:500]
        replica.updated_at = services.clock.now()


def ids_by_part(snapshots: Sequence[CloudSnapshot]) -> dict[str, str]:
    """Return the ids of snapshots by what they are of."""
    return {snapshot.part: snapshot.id for snapshot in snapshots}
