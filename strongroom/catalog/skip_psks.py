"""The table of secrets shared with peers; unlike keys they are in backups, sealed under the region's KEK."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class SkipPsk(Base):
    """One secret of one pair: its data key wrapped under a KEK, and the secret sealed with the data key."""

    __tablename__ = "skip_psk"

    peer: Mapped[str] = mapped_column(String(64), primary_key=True)
    psk_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    """next, current, retiring, erased or revoked; the last two have no bytes and are never installed again."""
    region: Mapped[str] = mapped_column(String(63))
    provider: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    """Since when it is in its state."""
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the peer first used it."""


def share_psk(session: Session, peer: str, psk_id: str) -> bool:
    """Say whether a secret is in force; where it is nobody drops it until the transaction ends."""
    known = select(SkipPsk.psk_id).where(SkipPsk.peer == peer, SkipPsk.psk_id == psk_id, SkipPsk.sealed.is_not(None))
    return session.scalar(known.with_for_update(read=True)) is not None


def list_psks(session: Session, peer: str, *, lock: bool = False) -> Sequence[SkipPsk]:
    """Return the secrets of a pair, oldest first; with `lock` nobody else changes them until the transaction ends."""
    query = select(SkipPsk).where(SkipPsk.peer == peer).order_by(SkipPsk.created_at, SkipPsk.psk_id)
    return session.scalars(query.with_for_update() if lock else query).all()
