"""The table of processes that hold keys of encrypted columns, and which versions each of them knows."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, NullableJson, UtcDateTime


class ColumnKeyHolder(Base):
    """The last sign of life of one process that holds a key ring; it says nothing about the keys themselves."""

    __tablename__ = "column_key_holder"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    ring: Mapped[str | None] = mapped_column(String(32))
    """The fingerprint of the ring it holds; None while it has yet to load one."""
    active: Mapped[str | None] = mapped_column(String(32))
    """The version it writes under."""
    versions: Mapped[dict[str, str] | None] = mapped_column(NullableJson)
    """The check token of each version it can read, by name."""
    host: Mapped[str] = mapped_column(String(120))
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)
