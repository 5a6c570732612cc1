"""Tables of the key providers this one shares keys with, of its own boot value, and of what is agreed with peers."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, NullableJson, UtcDateTime, stored_enum
from strongroom.catalog.inserting import insert_of
from strongroom.tree.mark import ROWS_STAY_OUT

MARKED = {"comment": ROWS_STAY_OUT}


class PeerStatus(StrEnum):
    """How a peer is, as its answers to heartbeats say."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    SUSPECT = "suspect"
    OFFLINE = "offline"


class SkipPeer(Base):
    """What is known of one peer, by its system id."""

    __tablename__ = "skip_peer"

    system_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[PeerStatus] = mapped_column(stored_enum(PeerStatus), default=PeerStatus.UNKNOWN)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    boot: Mapped[int | None] = mapped_column(BigInteger)
    """Its incarnation; another one means that it has lost its keys, or that they were restored."""
    boot_said_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When, by its clock, it sent the newest message of this incarnation; an earlier one of another is late."""
    boots_left: Mapped[list[int] | None] = mapped_column(NullableJson)
    """Its last incarnations before this one, oldest first; none of them comes back."""
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """The highest number of its heartbeats under this boot value."""
    voided_seq: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """The number of its last message, under this boot value, that voided all its keys."""
    sent_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """The highest number given to a message to it."""
    missed: Mapped[int] = mapped_column(default=0)
    good: Mapped[int] = mapped_column(default=0)
    """Heartbeats in a row that were not answered, and that were."""
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last heartbeat to it began."""
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its own last heartbeat came."""
    silence: Mapped[str | None] = mapped_column(String(200))
    """Why it did not answer the last heartbeat; None where it did."""
    round_trip_ms: Mapped[float | None]
    offset_seconds: Mapped[float | None]
    """How far its clock is ahead of ours."""
    pool_level: Mapped[int | None]
    """How many keys it says it can give for this pair."""
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many unspent keys it may have here: counted as they come, and anew now and again."""
    remembered: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many of its keys may be known, spent ones too; counted in the same way."""
    failures: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until then no keys are sent to it."""
    capabilities: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    capabilities_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (MARKED,)


class SkipBoot(Base):
    """The boot value of this provider and the database it belongs to; one row, or none after a restore."""

    __tablename__ = "skip_boot"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    boot: Mapped[int] = mapped_column(BigInteger)
    lineage: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (MARKED,)


class SkipEpoch(Base):
    """Fresh keys that both sides of a pair have agreed on."""

    __tablename__ = "skip_epoch"

    peer: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sealing_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("skip_sealing_key.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    psk_id: Mapped[str] = mapped_column(String(64))
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    first_seq: Mapped[int] = mapped_column(BigInteger)
    """Our number to the peer when it was agreed."""

    __table_args__ = (MARKED,)


def ensure_peer(session: Session, system_id: str, now: datetime) -> None:
    """Make the row of a peer unless there is one."""
    insert = insert_of(session)
    values = {"system_id": system_id, "status": PeerStatus.UNKNOWN, "since": now}
    session.execute(insert(SkipPeer).values(**values).on_conflict_do_nothing())


def lock_peer(session: Session, system_id: str, now: datetime) -> SkipPeer:
    """Return the row of a peer, which nobody else changes until the transaction ends."""
    query = select(SkipPeer).where(SkipPeer.system_id == system_id).with_for_update()
    peer = session.scalars(query).one_or_none()
    if peer is None:
        ensure_peer(session, system_id, now)
        peer = session.scalars(query).one()
    return peer


def find_peer(session: Session, system_id: str) -> SkipPeer | None:
    """Return what is known of a peer."""
    return session.get(SkipPeer, system_id)


def list_peers(session: Session) -> Sequence[SkipPeer]:
    """Return what is known of every peer, by system id."""
    return session.scalars(select(SkipPeer).order_by(SkipPeer.system_id)).all()
