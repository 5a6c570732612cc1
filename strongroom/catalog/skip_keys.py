"""Tables of keys shared with peers: all there ever were, those that are unspent, and what their bytes are sealed with.

A key is spent by deleting its row in `skip_unspent`, in one statement that returns what was in it. Its row in
`skip_key` holds no bytes and stays for as long as a message could bring the key back.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime, stored_enum
from strongroom.tree.mark import ROWS_STAY_OUT

MARKED = {"comment": ROWS_STAY_OUT}


class KeyState(StrEnum):
    """Where a key stands. Ours go from sending to synced; a peer's are held; the others are ends."""

    SENDING = "sending"
    SYNCED = "synced"
    HELD = "held"
    DELIVERED = "delivered"
    VOID = "void"
    EXPIRED = "expired"


OURS = (KeyState.SENDING, KeyState.SYNCED)


class SealingKey(Base):
    """A data key for key bytes at rest, wrapped under the home region's KEK; deleting it shreds what it sealed."""

    __tablename__ = "skip_sealing_key"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(String(63))
    provider: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (MARKED,)


class SkipKey(Base):
    """A key that there ever was, without its bytes: a tombstone from the start, which a replay runs into."""

    __tablename__ = "skip_key"

    origin: Mapped[str] = mapped_column(String(64), primary_key=True)
    """System id of the provider that made it."""
    key_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    """Hexadecimal, lower case."""
    peer: Mapped[str] = mapped_column(String(64))
    """System id of the provider it is shared with."""
    sealing_key_id: Mapped[uuid.UUID | None]
    fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Keyed digest of the bytes, with which a second message is compared; None where they never came here."""
    ended: Mapped[KeyState | None] = mapped_column(stored_enum(KeyState))
    """Void or expired. One that has ended without was delivered: nothing is written after the statement that spends."""
    forget_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "forget_at"), MARKED)


class UnspentKey(Base):
    """A key that can still be given, once."""

    __tablename__ = "skip_unspent"

    origin: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    peer: Mapped[str] = mapped_column(String(64))
    state: Mapped[KeyState] = mapped_column(stored_enum(KeyState))
    size_bits: Mapped[int]
    sealing_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("skip_sealing_key.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was last on its way to the peer."""
    peer_boot: Mapped[int | None] = mapped_column(BigInteger)
    """The incarnation under which the peer sent it, or confirmed it."""

    __table_args__ = (
        ForeignKeyConstraint(["origin", "key_id"], ["skip_key.origin", "skip_key.key_id"]),
        Index("ix_skip_unspent_pool", "peer", "state", "size_bits", "expires_at"),
        Index(None, "expires_at"),
        MARKED,
    )
