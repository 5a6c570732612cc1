"""Telling the catalog what the bucket already knows: a backup is committed, and its copies are wanted."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from strongroom.alerts.copies import report_damage
from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState
from strongroom.jobs.context import JobContext
from strongroom.repository.commit import CommitRecord
from strongroom.repository.reader import BackupReader, ManifestHead
from strongroom.services import Services
from strongroom.sources.postgres.holding import ROWS_FACT
from strongroom.storage.store import Evidence


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that stands, and the weakest evidence for its packs at home; None where another attempt made it."""

    record: CommitRecord
    evidence: Evidence | None = None


def record_commit(services: Services, context: JobContext, committed: Committed) -> dict[str, Any]:
    """Record a commit as the job's last step and return the job's result."""
    head = read_head(services, committed.record)
    now = services.clock.now()
    return context.step("committed", lambda session: apply_commit(session, head, committed, now)) or {}


def read_head(services: Services, record: CommitRecord) -> ManifestHead:
    """Open the manifest that a commit record points to, in the home region."""
    region, store = next(iter(services.stores.items()))
    return BackupReader(services.open_repository(), store, services.keks[region], record.source, record.backup_id).head


def apply_commit(session: Session, head: ManifestHead, committed: Committed, now: datetime) -> dict[str, Any]:
    """Mark the backup committed from its manifest, and every region but the home wanted; return a summary."""
    record = committed.record
    backup = session.get_one(Backup, record.backup_id)
    backup.state = BackupState.COMMITTED
    backup.session_id = record.session_id
    backup.committed_at = record.committed_at
    _fill_counts(backup, head, record)
    _want_replicas(session, backup, committed.evidence, now)
    if len(backup.regions) == 1:
        backup.protected_at = now
    return summary(backup)


def _fill_counts(backup: Backup, head: ManifestHead, record: CommitRecord) -> None:
    backup.files = head.files
    backup.source_bytes = head.source_bytes
    backup.stored_bytes = head.stored_bytes + record.manifest_size
    backup.reused_bytes = head.reused_bytes
    backup.objects = len(head.packs) + 1
    backup.manifest_sha256 = record.manifest_sha256.hex()
    backup.problem_count = head.problem_count
    backup.problems = [problem.as_json() for problem in head.problems]
    backup.facts = {name: fact for name, fact in head.facts.items() if name != ROWS_FACT}


def _want_replicas(session: Session, backup: Backup, evidence: Evidence | None, now: datetime) -> None:
    for position, region in enumerate(backup.regions):
        if session.get(Replica, (backup.id, region)) is None:
            at_home = position == 0
            session.add(_home_replica(backup, evidence, now) if at_home else _wanted_replica(backup, region, now))


def _home_replica(backup: Backup, evidence: Evidence | None, now: datetime) -> Replica:
    return Replica(
        backup_id=backup.id,
        region=backup.regions[0],
        state=ReplicaState.PRESENT,
        evidence=evidence,
        objects=backup.objects,
        bytes=backup.stored_bytes,
        confirmed_at=now,
        updated_at=now,
    )


def _wanted_replica(backup: Backup, region: str, now: datetime) -> Replica:
    return Replica(backup_id=backup.id, region=region, state=ReplicaState.WANTED, updated_at=now)


def summary(backup: Backup) -> dict[str, Any]:
    """Return what a job reports about a committed backup: counts only."""
    return {
        "backup": str(backup.id),
        "source": backup.source,
        "partial": backup.partial,
        "files": backup.files,
        "source_bytes": backup.source_bytes,
        "stored_bytes": backup.stored_bytes,
        "problem_count": backup.problem_count,
        "problems": backup.problems[:20],
    }


def mark_damaged(session: Session, backup_id: uuid.UUID, region: str, now: datetime) -> None:
    """Make a region's copy wanted again, and alert: the next reconcile tick mends it from another region."""
    replica = session.get_one(Replica, (backup_id, region))
    replica.state = ReplicaState.DAMAGED
    replica.updated_at = now
    backup = session.get_one(Backup, backup_id)
    backup.protected_at = None
    report_damage(session, backup, region, now)
