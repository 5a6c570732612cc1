"""The table of restore drills, and which backups they have proven."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Index, String, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from strongroom.catalog.backups import Backup, BackupState
from strongroom.catalog.base import Base, NullableJson, UtcDateTime, stored_enum
from strongroom.catalog.errors import RecordNotFoundError
from strongroom.catalog.paging import Page, fetch_page


class DrillState(StrEnum):
    """How a drill ended: the backup restored and every check held, or not; open as long as nothing is decided."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


class Drill(Base):
    """One restore drill of one source; its id is its job's id.

    Where the drill could not be done at all (no room, no server programs, a region that is away) it stays open and its
    job says why: that is no word about the backup.
    """

    __tablename__ = "drill"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(63))
    backup_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("backup.id"))
    """The backup that was restored; chosen when the drill begins where none was named."""
    region: Mapped[str | None] = mapped_column(String(63))
    """The region asked for; once it runs, the one it reads from."""
    state: Mapped[DrillState] = mapped_column(stored_enum(DrillState))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the attempt began that decided the drill."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seconds: Mapped[float | None] = mapped_column(Float)
    """From the empty directory to the last byte restored: the measured recovery time, without the checks."""
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """What the source held, in bytes; with `seconds` it gives the speed that a forecast stands upon."""
    report: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    """What was done and found, as it is exported."""

    __table_args__ = (Index(None, "source", "finished_at"), Index(None, "backup_id"))


def get_drill(session: Session, drill_id: uuid.UUID) -> Drill:
    """Return the drill; raises RecordNotFoundError."""
    found = session.get(Drill, drill_id)
    if found is None:
        raise RecordNotFoundError(
            f"There is no drill with the id {drill_id}.", next_step="Look it up: strongroom drill list"
        )
    return found


def list_drills(
    session: Session,
    *,
    source: str | None = None,
    state: DrillState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Drill]:
    """Return drills, newest first; raises BadLimitError, BadCursorError."""
    query = select(Drill)
    if source is not None:
        query = query.where(Drill.source == source)
    if state is not None:
        query = query.where(Drill.state == state)
    return fetch_page(session, query, Drill.id, limit=limit, cursor=cursor)


def find_newest_protected(session: Session, source: str) -> Backup | None:
    """Return the newest committed backup of a source that every region it is wanted in holds, if there is one."""
    query = (
        select(Backup)
        .where(Backup.source == source, Backup.state == BackupState.COMMITTED, Backup.protected_at.is_not(None))
        .order_by(Backup.created_at.desc(), Backup.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def list_newest_decided(session: Session, *, each: int) -> Sequence[Drill]:
    """Return of every source the newest drills that passed, and the newest that failed, newest first."""
    newest_first = (Drill.finished_at.desc(), Drill.id.desc())
    age = func.row_number().over(partition_by=(Drill.source, Drill.state), order_by=newest_first)
    ranked = select(Drill, age.label("age")).where(Drill.state != DrillState.OPEN).subquery()
    drill = aliased(Drill, ranked)
    query = select(drill).where(ranked.c.age <= each)
    return session.scalars(query.order_by(drill.finished_at.desc(), drill.id.desc())).all()


def regions_that_failed(session: Session, source: str) -> list[str]:
    """Return the regions from which the last decided drill of a source failed."""
    query = select(Drill.region, Drill.state).where(Drill.source == source, Drill.state != DrillState.OPEN)
    last: dict[str | None, DrillState] = {}
    for region, state in session.execute(query.order_by(Drill.finished_at, Drill.id)):
        last[region] = state
    return sorted(region for region, state in last.items() if region is not None and state is DrillState.FAILED)


def drilled_backups(session: Session, source: str) -> dict[uuid.UUID, DrillState]:
    """Return how the last decided drill ended, of every committed backup of a source that some drill has restored."""
    drilled: dict[uuid.UUID, DrillState] = {}
    query = (
        select(Drill.backup_id, Drill.state)
        .join(Backup, Backup.id == Drill.backup_id)
        .where(Drill.source == source, Drill.state != DrillState.OPEN, Backup.state == BackupState.COMMITTED)
        .order_by(Drill.finished_at, Drill.id)
    )
    for backup_id, state in session.execute(query):
        if backup_id is not None and (state is DrillState.PASSED or backup_id in drilled):
            drilled[backup_id] = state
    return drilled
