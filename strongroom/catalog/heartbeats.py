"""The table of processes that say that they are alive."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class Heartbeat(Base):
    """The last sign of life of a worker, of Beat or of the API."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(120))
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    queues: Mapped[str | None] = mapped_column(String(200))
    """What a worker takes jobs from, with commas between."""
