"""How far each source's schedule was followed."""

import uuid
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class ScheduleProgress(Base):
    """One source's schedule: every moment up to `followed_until` had its backup asked for, or none was due."""

    __tablename__ = "schedule_progress"

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    spec: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the schedule as configured: another schedule begins where it was first seen."""
    followed_until: Mapped[datetime] = mapped_column(UtcDateTime)
    job_id: Mapped[uuid.UUID | None]
    """The job of the last moment that was due."""


def list_progress(session: Session) -> dict[str, ScheduleProgress]:
    """Return how far each schedule was followed, by source."""
    return {row.source: row for row in session.scalars(select(ScheduleProgress))}


def lock_progress(session: Session, source: str, spec: str, now: datetime) -> ScheduleProgress:
    """Return how far the source's schedule was followed, locked; one that is new or was changed begins now.

    So does one that was followed beyond now: the clock was ahead, and no backup would be made until it is there again.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(ScheduleProgress).values(source=source, spec=spec, followed_until=now)
    session.execute(new.on_conflict_do_nothing(index_elements=["source"]))
    progress = session.scalars(
        select(ScheduleProgress).where(ScheduleProgress.source == source).with_for_update()
    ).one()
    if progress.spec != spec or progress.followed_until > now:
        progress.spec, progress.followed_until = spec, now
    return progress
