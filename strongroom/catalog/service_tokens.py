"""The table of service tokens: what machines show instead of a password; the tokens themselves are not in it."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, Date, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime, stored_enum


class TokenKind(StrEnum):
    """What holds a token; it is written in the token, so that whoever finds one knows where to look."""

    CI = "ci"
    AGENT = "agent"
    EXPORTER = "exporter"
    PORTAL = "portal"
    SCRIPT = "script"


class ServiceToken(Base):
    """One service token; never removed, so that a use after its end is known for what it is."""

    __tablename__ = "service_token"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(63))
    generation: Mapped[int]
    """1, and one more with each rotation."""
    kind: Mapped[TokenKind] = mapped_column(stored_enum(TokenKind))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 of the token, which has 256 random bits."""
    grants: Mapped[list[str]] = mapped_column(JSON)
    networks: Mapped[list[str]] = mapped_column(JSON)
    """Where it may come from, as CIDR; empty: from anywhere."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(120))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(120))
    last_used_on: Mapped[date | None] = mapped_column(Date)
    """The day, in UTC."""

    __table_args__ = (Index("uq_service_token_name_generation", "name", "generation", unique=True),)
