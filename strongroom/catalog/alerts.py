"""Tables of alerts: what is wrong, what is to be said about it, and to whom it was said."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
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


class DeliveryState(StrEnum):
    """Where one message to one channel stands; `dead` is one that was given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


UNRESOLVED = text("state <> 'resolved'")
WAITING = text("state = 'waiting'")
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


class PersonalNotice(Base):
    """The outbox for single operators: what happened to their own account, to be said to them by mail."""

    __tablename__ = "personal_notice"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
    """No foreign key: who routes and sends knows no accounts."""
    recipient: Mapped[str | None] = mapped_column(String(254))
    """The address at the time; without one the operations' channels are told, to pass it on."""
    about: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(String(2000))
    """Words without a secret or a code."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    routed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        partial_index("ix_personal_notice_unrouted", "created_at", where=UNROUTED),
        Index(None, "account_id", "created_at"),
    )


class AlertDelivery(Base):
    """One message to one channel, claimed with a lease and tried until it is taken or given up."""

    __tablename__ = "alert_delivery"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("alert.id"))
    group_id: Mapped[uuid.UUID]
    """The same for the deliveries of one message to several channels."""
    channel: Mapped[str] = mapped_column(String(63))
    reason: Mapped[NoticeReason] = mapped_column(stored_enum(NoticeReason))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The message as it is to be said; no secret."""
    state: Mapped[DeliveryState] = mapped_column(stored_enum(DeliveryState))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    last_error: Mapped[str | None] = mapped_column(String(500))
    stands_in_for: Mapped[str | None] = mapped_column(String(63))
    """The channel that failed, where this one was asked in its place."""
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when there was something to say; None for as long as the row is there."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recipient: Mapped[str | None] = mapped_column(String(254))
    """The one address a mail to a single person goes to; else the channel's own recipients get it."""

    __table_args__ = (
        partial_index("ix_alert_delivery_due", "due_at", where=WAITING),
        Index(None, "alert_id"),
        Index(None, "group_id"),
    )


class AlertSilence(Base):
    """A wish to hear nothing about some alerts for a time, with its reason; checks go on meanwhile."""

    __tablename__ = "alert_silence"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    matcher: Mapped[dict[str, str]] = mapped_column(JSON)
    """Field name to pattern (`*` and `?`): type, severity, cause, source, region, policy, id; all have to match."""
    reason: Mapped[str] = mapped_column(String(500))
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(120))

    __table_args__ = (Index(None, "ends_at"),)


class AlertChannel(Base):
    """How a channel has done lately."""

    __tablename__ = "alert_channel"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    """Failures in a row."""
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(500))
    tested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


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
