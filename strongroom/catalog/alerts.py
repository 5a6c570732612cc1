"""Tables of alerts: what is wrong, what happened to it, and what is to be said about it."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime, partial_index, stored_enum


class AlertType(StrEnum):
    """What sort of thing went wrong: something failed, takes too long, or stored bytes are not what they were."""

    FAILURE = "failure"
    DELAY = "delay"
    INTEGRITY = "integrity"


class Severity(StrEnum):
    """How bad it is, the least first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return a number that grows with how bad it is."""
        return list(Severity).index(self)


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class NoticeReason(StrEnum):
    """Why something is to be said about an alert."""

    OPENED = "opened"
    AGAIN = "again"
    RAISED = "raised"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    FLAPPING = "flapping"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    DIGEST = "digest"
    TEST = "test"
    PERSONAL = "personal"


UNRESOLVED = text("state <> 'resolved'")
UNROUTED = text("routed_at IS NULL")


class Alert(Base):
    """One thing that is wrong, from when it was seen first until it is over; repeats are counted on the same row."""

    __tablename__ = "alert"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    dedup_key: Mapped[str] = mapped_column(String(64))
    """SHA-256 of type, source, policy, region and cause; at most one unresolved alert has it."""
    type: Mapped[AlertType] = mapped_column(stored_enum(AlertType))
    severity: Mapped[Severity] = mapped_column(stored_enum(Severity))
    state: Mapped[AlertState] = mapped_column(stored_enum(AlertState))
    cause: Mapped[str] = mapped_column(String(120))
    source: Mapped[str | None] = mapped_column(String(63))
    region: Mapped[str | None] = mapped_column(String(63))
    policy: Mapped[str | None] = mapped_column(String(63))
    backup_id: Mapped[uuid.UUID | None]
    job_id: Mapped[uuid.UUID | None]
    trace_id: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(String(500))
    next_step: Mapped[str] = mapped_column(String(1000))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it was opened or reopened last."""
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime)
    count: Mapped[int] = mapped_column(default=1)
    reopened: Mapped[int] = mapped_column(default=0)
    flapping: Mapped[bool] = mapped_column(default=False)
    suppressed_by: Mapped[str | None] = mapped_column(String(200))
    """What keeps messages about it back for now: a silence, or the alert that stands above it."""
    notices: Mapped[int] = mapped_column(default=0)
    """Messages that were handed to channels since it was opened or reopened."""
    noticed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalated: Mapped[int] = mapped_column(default=0)
    """Minutes after `since` of the last step of escalation that was taken."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(String(120))
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(String(120))
    resolution: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (
        partial_index("uq_alert_unresolved", "dedup_key", where=UNRESOLVED, unique=True),
        partial_index("ix_alert_cause", "cause", where=UNRESOLVED),
        Index(None, "dedup_key", "id"),
        Index(None, "resolved_at"),
        Index(None, "trace_id"),
    )


class AlertEvent(Base):
    """One change of an alert or of a silence, with who made it; never changed afterwards."""

    __tablename__ = "alert_event"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("alert.id"))
    silence_id: Mapped[uuid.UUID | None]
    dedup_key: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    what: Mapped[str] = mapped_column(String(32))
    """opened, reopened, raised, acknowledged, ack_expired, resolved, flapping, silenced, unsilenced."""
    actor: Mapped[str] = mapped_column(String(120))
    detail: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (Index(None, "alert_id"), Index(None, "dedup_key", "at"))


class AlertNotice(Base):
    """The outbox: something is to be said about an alert; written with what it is about, then routed to channels."""

    __tablename__ = "alert_notice"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("alert.id"))
    reason: Mapped[NoticeReason] = mapped_column(stored_enum(NoticeReason))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    routed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_by: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (
        partial_index("ix_alert_notice_unrouted", "created_at", where=UNROUTED),
        Index(None, "alert_id"),
    )
