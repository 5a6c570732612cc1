"""Tables of what is said about alerts: messages to people and channels, and what keeps messages back."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.alerts import UNROUTED, NoticeReason
from strongroom.catalog.base import Base, UtcDateTime, partial_index, stored_enum


class DeliveryState(StrEnum):
    """Where one message to one channel stands; `dead` is one that was given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


WAITING = text("state = 'waiting'")


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
