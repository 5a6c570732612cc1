"""The table of the installation's own keys, each wrapped under a region's KEK."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class PurposeKey(Base):
    """The key of one purpose; it is in backups of the catalog, and opens with the region's KEK alone."""

    __tablename__ = "purpose_key"

    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    region: Mapped[str] = mapped_column(String(63))
    provider: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    """Of the KEK."""
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
