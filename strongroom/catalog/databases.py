"""The table of databases that AWS runs: what the last look at each showed."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, NullableJson, UtcDateTime


class DatabaseState(Base):
    """What RDS said last of the database of a source, by the source's name."""

    __tablename__ = "database_state"

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    """Status, engine, zone, standbys and replicas; what was seen last stays while RDS does not answer."""
    fault: Mapped[str | None] = mapped_column(String(500))
    """Why the last look failed; nothing where it did not."""


def list_database_states(session: Session) -> dict[str, DatabaseState]:
    """Return what was seen last of every database, by source."""
    return {row.source: row for row in session.scalars(select(DatabaseState))}
