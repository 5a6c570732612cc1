"""Questions about backups, their replicas, restores and verifications."""

import uuid
from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from strongroom.catalog.backups import Backup, BackupKind, BackupState, Replica, ReplicaState, Restore, Verification
from strongroom.catalog.errors import RecordNotFoundError
from strongroom.catalog.jobs import JobStep
from strongroom.catalog.paging import Page, fetch_page

RecordT = TypeVar("RecordT", Backup, Restore, Verification)


def get_backup(session: Session, backup_id: uuid.UUID) -> Backup:
    """Return the backup; raises RecordNotFoundError."""
    return _get(session, Backup, backup_id)


def get_restore(session: Session, restore_id: uuid.UUID) -> Restore:
    """Return the restore; raises RecordNotFoundError."""
    return _get(session, Restore, restore_id)


def get_verification(session: Session, verification_id: uuid.UUID) -> Verification:
    """Return the verification; raises RecordNotFoundError."""
    return _get(session, Verification, verification_id)


def list_backups(
    session: Session,
    *,
    source: str | None = None,
    state: BackupState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Backup]:
    """Return backups, newest first; raises BadLimitError, BadCursorError."""
    query = select(Backup)
    if source is not None:
        query = query.where(Backup.source == source)
    if state is not None:
        query = query.where(Backup.state == state)
    return fetch_page(session, query, Backup.id, limit=limit, cursor=cursor)


def list_restores(
    session: Session, *, backup_id: uuid.UUID | None = None, limit: int = 50, cursor: str | None = None
) -> Page[Restore]:
    """Return restores, newest first; raises BadLimitError, BadCursorError."""
    query = select(Restore)
    if backup_id is not None:
        query = query.where(Restore.backup_id == backup_id)
    return fetch_page(session, query, Restore.id, limit=limit, cursor=cursor)


def list_verifications(
    session: Session, *, backup_id: uuid.UUID | None = None, limit: int = 50, cursor: str | None = None
) -> Page[Verification]:
    """Return verifications, newest first; raises BadLimitError, BadCursorError."""
    query = select(Verification)
    if backup_id is not None:
        query = query.where(Verification.backup_id == backup_id)
    return fetch_page(session, query, Verification.id, limit=limit, cursor=cursor)


def list_replicas(session: Session, backup_id: uuid.UUID) -> Sequence[Replica]:
    """Return the replicas of one backup, by region name."""
    return session.scalars(select(Replica).where(Replica.backup_id == backup_id).order_by(Replica.region)).all()


def wanted_replicas(session: Session) -> Sequence[Replica]:
    """Return the replicas of committed backups that their region does not hold whole, oldest backup first."""
    query = (
        select(Replica)
        .join(Backup, Backup.id == Replica.backup_id)
        .where(Backup.state == BackupState.COMMITTED, Replica.state != ReplicaState.PRESENT)
        .order_by(Backup.created_at, Replica.backup_id, Replica.region)
    )
    return session.scalars(query).all()


def find_latest_committed(session: Session, source: str, kind: BackupKind | None = None) -> Backup | None:
    """Return the newest committed backup of a source, of one kind or of any, if there is one."""
    return next(iter(list_newest_committed(session, source, kind, limit=1)), None)


def list_sources(session: Session) -> Sequence[str]:
    """Return the names of the sources that have a committed backup, sorted."""
    query = select(Backup.source).where(Backup.state == BackupState.COMMITTED).distinct().order_by(Backup.source)
    return session.scalars(query).all()


def list_newest_committed(
    session: Session, source: str, kind: BackupKind | None = None, *, limit: int
) -> Sequence[Backup]:
    """Return the newest committed backups of a source, of one kind or of any."""
    query = (
        select(Backup)
        .where(Backup.source == source, Backup.state == BackupState.COMMITTED)
        .order_by(Backup.created_at.desc(), Backup.id.desc())
        .limit(limit)
    )
    return session.scalars(query if kind is None else query.where(Backup.kind == kind)).all()


def list_sessions(session: Session, backup_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the sessions of all attempts at a backup, newest first."""
    query = (
        select(JobStep)
        .where(JobStep.job_id == backup_id, JobStep.step.startswith("session:"))
        .order_by(JobStep.done_at.desc(), JobStep.fence.desc())
    )
    return [uuid.UUID(step.result["session"]) for step in session.scalars(query) if step.result]


def is_pinned() -> ColumnElement[bool]:
    """Return the predicate of a backup that may not be retired now: one that is being made stands upon it."""
    child = aliased(Backup)
    return exists().where(child.parent_id == Backup.id, child.state == BackupState.RUNNING)


def lock_as_parent(session: Session, backup_id: uuid.UUID) -> bool:
    """Hold a backup until the transaction ends, so that whoever retires it sees its child; say whether it stands."""
    backup = session.get(Backup, backup_id, with_for_update=True)
    return backup is not None and backup.state is BackupState.COMMITTED


def latest_per_source(session: Session) -> dict[str, Backup]:
    """Return the newest committed backup of every source that has one, by source name."""
    age = func.row_number().over(partition_by=Backup.source, order_by=(Backup.created_at.desc(), Backup.id.desc()))
    ranked = select(Backup, age.label("age")).where(Backup.state == BackupState.COMMITTED).subquery()
    newest = aliased(Backup, ranked)
    backups = session.scalars(select(newest).where(ranked.c.age == 1).order_by(newest.source))
    return {backup.source: backup for backup in backups}


def _get(session: Session, record: type[RecordT], record_id: uuid.UUID) -> RecordT:
    found = session.get(record, record_id)
    if found is None:
        what = record.__tablename__
        raise RecordNotFoundError(
            f"There is no {what} {record_id}.", next_step=f"Look it up in the list of {what}s and copy its id."
        )
    return found
