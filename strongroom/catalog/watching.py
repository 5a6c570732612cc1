"""Tables of the watcher: who evaluates, what happened last, and what is due next."""

import uuid
from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class WatchLease(Base):
    """Who evaluates: the one watcher that holds the lease."""

    __tablename__ = "watch_lease"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(120))
    until: Mapped[datetime] = mapped_column(UtcDateTime)


class WatchTick(Base):
    """When something that must go on happening happened last."""

    __tablename__ = "watch_tick"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ExpectedRun(Base):
    """The next moment at which a source is due, and when its absence is an alert."""

    __tablename__ = "expected_run"

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    spec: Mapped[str] = mapped_column(String(64))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    grace_seconds: Mapped[int]
    alert_after: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "alert_after"),)


class SourcePing(Base):
    """What of a source's newest job has been told to its outward address."""

    __tablename__ = "source_ping"

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    job_id: Mapped[uuid.UUID]
    ended: Mapped[bool] = mapped_column(default=False)
