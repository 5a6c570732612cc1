"""The tables of the audit log: one row for each act, each bound to the one before it, and the head that ends them."""

import uuid
from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, Select, SmallInteger, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime
from strongroom.catalog.errors import BadCursorError
from strongroom.catalog.paging import Page, verify_limit

LONGEST_NAME = 120
LONGEST_TARGET = 500
LONGEST_REASON = 500


class AuditRow(Base):
    """One thing somebody did, or was refused; never changed and never deleted."""

    __tablename__ = "audit_log"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """1, and one more with each row, without gaps."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str] = mapped_column(String(LONGEST_NAME))
    actor_name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    address: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(LONGEST_NAME))
    """The row of the table of operations that was asked for; empty where nobody asked."""
    action: Mapped[str] = mapped_column(String(LONGEST_NAME))
    target: Mapped[str] = mapped_column(String(LONGEST_TARGET))
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    request_id: Mapped[str] = mapped_column(String(64))
    trace_id: Mapped[str] = mapped_column(String(64))
    before_digest: Mapped[str] = mapped_column(String(64))
    after_digest: Mapped[str] = mapped_column(String(64))
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA-256 over the one of the row before and all of the above."""

    __table_args__ = (
        Index(None, "at"),
        Index(None, "actor_id", "sequence"),
        Index(None, "actor_name", "sequence"),
        Index(None, "action", "sequence"),
        Index(None, "target", "sequence"),
        Index(None, "request_id"),
        Index(None, "trace_id"),
    )


class AuditHead(Base):
    """The end of the chain, one row: locked last of all by whoever appends."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    chain: Mapped[uuid.UUID]
    """Which chain this is; a catalog that is made anew has another."""
    sequence: Mapped[int] = mapped_column(BigInteger)
    """Of the last row; 0 where there is none."""
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the last row."""
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA-256 over the three above; empty where there is no row."""


HEAD_ID = 1


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows somebody wants; `actor` is an id or a name, everything is compared as a whole."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    since: datetime | None = None

    def about(self, *, request_id: str | None, trace_id: str | None) -> "AuditFilter":
        """Return the filter with the ids that rows of one request have in common."""
        return replace(self, request_id=request_id, trace_id=trace_id)

    @property
    def words(self) -> str:
        """Say which rows these are, as `field=value`."""
        named = ((one.name, getattr(self, one.name)) for one in fields(self))
        return " ".join(f"{name}={value}" for name, value in named if value is not None)

    def narrow(self, query: Select[tuple[AuditRow]]) -> Select[tuple[AuditRow]]:
        """Return the query for these rows only."""
        if self.actor is not None:
            query = query.where((AuditRow.actor_id == self.actor) | (AuditRow.actor_name == self.actor))
        if self.since is not None:
            query = query.where(AuditRow.at >= self.since)
        for column, wanted in (
            (AuditRow.action, self.action),
            (AuditRow.target, self.target),
            (AuditRow.outcome, self.outcome),
            (AuditRow.request_id, self.request_id),
            (AuditRow.trace_id, self.trace_id),
        ):
            query = query if wanted is None else query.where(column == wanted)
        return query


def list_audit(session: Session, wanted: AuditFilter, *, limit: int, cursor: str | None = None) -> Page[AuditRow]:
    """Return rows, newest first; `cursor` is the last sequence seen. Raises BadLimitError, BadCursorError."""
    verify_limit(limit)
    query = wanted.narrow(select(AuditRow))
    if cursor is not None:
        query = query.where(AuditRow.sequence < _read_cursor(cursor))
    rows = session.scalars(query.order_by(AuditRow.sequence.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    return Page(shown, None if len(rows) <= limit else str(shown[-1].sequence))


def list_audit_after(session: Session, wanted: AuditFilter, sequence: int, limit: int) -> list[AuditRow]:
    """Return rows that came after one, oldest first."""
    query = wanted.narrow(select(AuditRow)).where(AuditRow.sequence > sequence)
    return list(session.scalars(query.order_by(AuditRow.sequence).limit(limit)))


def _read_cursor(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise BadCursorError(
            "The paging cursor is not one of this list.",
            next_step="Pass next_cursor of the page before, unchanged, or leave it out for the first page.",
        )
    return int(cursor)
