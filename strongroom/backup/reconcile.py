"""The tick that compares backups the catalog calls running with their jobs and with the bucket."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from strongroom.backup.recording import Committed, apply_commit, read_head
from strongroom.catalog.backup_queries import list_sessions
from strongroom.catalog.backups import Backup, BackupState, Medium
from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.repository.cleaning import discard_session
from strongroom.repository.commit import CommitRecord, Outcome, abort_session
from strongroom.repository.writer import BackupIdentity
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What the tick did: backups adopted from the bucket, and backups aborted."""

    adopted: int = 0
    aborted: int = 0


def reconcile(services: Services) -> ReconcileReport:
    """Settle every backup whose job has ended without saying how the backup ended.

    An ABORT record is put at the commit key first, so a worker that is still alive somewhere cannot commit afterwards;
    where a COMMIT already stands, the bucket is right and the catalog adopts it.
    """
    outcomes = [_settle(services, backup_id) for backup_id in _unsettled(services)]
    adopted = sum(outcome is Outcome.COMMIT for outcome in outcomes)
    return ReconcileReport(adopted=adopted, aborted=len(outcomes) - adopted)


def _unsettled(services: Services) -> list[uuid.UUID]:
    query = (
        select(Backup.id)
        .join(Job, Job.id == Backup.id)
        .where(Backup.state == BackupState.RUNNING, Job.state.in_(FINAL_STATES))
        .where(Backup.medium == Medium.REPOSITORY)
        .limit(100)
    )
    with services.catalog.read() as session:
        return list(session.scalars(query))


def _settle(services: Services, backup_id: uuid.UUID) -> Outcome:
    with services.catalog.read() as session:
        identity = _identity(session.get_one(Backup, backup_id))
        sessions = list_sessions(session, backup_id)
    home = next(iter(services.stores.values()))
    repository = services.open_repository()
    record = abort_session(repository, home, identity, reason="the job ended without a commit", clock=services.clock)
    if record.outcome is Outcome.ABORT:
        for session_id in sessions:
            discard_session(home, identity.source, backup_id, session_id)
    _record(services, backup_id, record)
    return record.outcome


def _record(services: Services, backup_id: uuid.UUID, record: CommitRecord) -> None:
    head = read_head(services, record) if record.outcome is Outcome.COMMIT else None
    with services.catalog.begin() as session:
        if head is not None:
            apply_commit(session, head, Committed(record), services.clock.now())
        else:
            session.get_one(Backup, backup_id).state = BackupState.ABORTED


def _identity(backup: Backup) -> BackupIdentity:
    return BackupIdentity(
        source=backup.source,
        source_kind=backup.source_kind,
        backup_id=backup.id,
        session_id=backup.session_id,
        kind=backup.kind,
        policy=backup.policy,
        parent_id=backup.parent_id,
    )
