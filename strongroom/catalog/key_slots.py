"""The table of key slots: how many each region held under each key-encryption key when they were counted last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime
from strongroom.catalog.dbtime import utcnow


class KeySlotCensus(Base):
    """The key slots in the store of one region."""

    __tablename__ = "key_slot_census"

    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    slots: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """For each KEK version that opens slots there: its region, version, slots, and the id of the newest backup."""
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)


def record_key_slots(session: Session, region: str, slots: list[dict[str, Any]]) -> None:
    """Note what a region holds just now."""
    session.merge(KeySlotCensus(region=region, slots=slots, counted_at=utcnow()))


def list_key_slots(session: Session) -> Sequence[KeySlotCensus]:
    """Return the last count of every region that was counted."""
    return session.scalars(select(KeySlotCensus).order_by(KeySlotCensus.region)).all()
