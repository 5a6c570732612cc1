"""How far each source's schedule was followed."""

import uuid
from datetime import datetime
from typing import TypeVar

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime
from strongroom.catalog.inserting import insert_of


class _Progress:
    """One source's schedule: every moment up to `followed_until` had its job asked for, or none was due."""

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    spec: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the schedule as configured: another schedule begins where it was first seen."""
    followed_until: Mapped[datetime] = mapped_column(UtcDateTime)
    job_id: Mapped[uuid.UUID | None]
    """The job of the last moment that was due."""


class ScheduleProgress(_Progress, Base):
    """How far the schedule of a source's backups was followed."""

    __tablename__ = "schedule_progress"


class DrillProgress(_Progress, Base):
    """How far the schedule of a source's drills was followed."""

    __tablename__ = "drill_progress"


ProgressT = TypeVar("ProgressT", ScheduleProgress, DrillProgress)


def list_progress(session: Session, table: type[ProgressT]) -> dict[str, ProgressT]:
    """Return how far each schedule was followed, by source."""
    return {row.source: row for row in session.scalars(select(table))}


def lock_progress(session: Session, table: type[ProgressT], source: str, spec: str, now: datetime) -> ProgressT:
    """Return how far the source's schedule was followed, locked; one that is new or was changed begins now.

    So does one that was followed beyond now: the clock was ahead, and no backup would be made until it is there again.
    """
    insert = insert_of(session)
    new = insert(table).values(source=source, spec=spec, followed_until=now)
    session.execute(new.on_conflict_do_nothing(index_elements=["source"]))
    progress = session.scalars(select(table).where(table.source == source).with_for_update()).one()
    if progress.spec != spec or progress.followed_until > now:
        progress.spec, progress.followed_until = spec, now
    return progress
