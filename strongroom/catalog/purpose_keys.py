"""The tables of the installation's own keys, each wrapped under the KEKs of all regions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class PurposeKey(Base):
    """The key of one purpose; it is in backups of the catalog, and opens with the KEK of one region alone."""

    __tablename__ = "purpose_key"

    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    region: Mapped[str] = mapped_column(String(63))
    provider: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    """Of the KEK."""
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PurposeKeySlot(Base):
    """The same key once more, under the KEK of another region than the one it was made in."""

    __tablename__ = "purpose_key_slot"

    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    """Of the KEK."""
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def list_slots(session: Session, purpose: str) -> Sequence[PurposeKeySlot]:
    """Return the slots of a key besides the one of the region it was made in."""
    query = select(PurposeKeySlot).where(PurposeKeySlot.purpose == purpose)
    return session.scalars(query.order_by(PurposeKeySlot.region)).all()
