"""The table of PostgreSQL standbys: what the last look at each pair found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class StandbyState(Base):
    """What was seen last of one primary and its standby, by the name of the pair."""

    __tablename__ = "standby_state"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    region: Mapped[str | None] = mapped_column(String(63))
    verdict: Mapped[str] = mapped_column(String(16))
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lag_seconds: Mapped[float | None]
    """How old the standby is at most; None where nothing tells."""
    lag_bytes: Mapped[int | None] = mapped_column(BigInteger)
    timeline: Mapped[int | None]
    slot: Mapped[str | None] = mapped_column(String(63))
    slot_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """WAL that the primary holds back for the slot."""
    findings: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    """What is wrong: cause, what, next_step and since when."""
    samples: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)
    """Where the primary was at earlier looks: position, moment."""


def find_standby_state(session: Session, name: str) -> StandbyState | None:
    """Return what was seen last of a pair."""
    return session.get(StandbyState, name)


def list_standby_states(session: Session) -> Sequence[StandbyState]:
    """Return what was seen last of every pair, by name."""
    return session.scalars(select(StandbyState).order_by(StandbyState.name)).all()


def forget_standbys_but(session: Session, names: Sequence[str]) -> Sequence[StandbyState]:
    """Drop what is known of pairs that are no longer configured, and return it."""
    return session.scalars(delete(StandbyState).where(StandbyState.name.not_in(names)).returning(StandbyState)).all()
