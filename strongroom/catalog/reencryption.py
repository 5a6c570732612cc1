"""Tables about encrypted columns of applications: which there are, their re-encryption, and rows that do not decrypt.

They hold names of tables, primary keys and counts; never a token, a key or a value.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, NullableJson, UtcDateTime, partial_index, stored_enum


class ReencryptionState(StrEnum):
    """Where a re-encryption stands; the last two are final, though a failed one can be resumed."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"


OPEN_STATES = frozenset({ReencryptionState.PENDING, ReencryptionState.RUNNING, ReencryptionState.PAUSED})
IS_OPEN = text("state IN ('pending', 'running', 'paused')")


class RangePhase(StrEnum):
    """What is done with a range: passed from its first key to its last, or searched for what the passes left."""

    KEYSET = "keyset"
    CLOSING = "closing"


class EncryptedColumn(Base):
    """One encrypted column of an application, or a blind index, by the name `database:schema.table.column`."""

    __tablename__ = "encrypted_column"

    place: Mapped[str] = mapped_column(String(400), primary_key=True)
    target: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Database, schema, table, column, its kind, keys, length, and how its tokens are made; see rotation.target."""
    model: Mapped[str | None] = mapped_column(String(300))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rows_by_version: Mapped[dict[str, int] | None] = mapped_column(NullableJson)
    """The last census."""
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReencryptionJob(Base):
    """One re-encryption, or its dry run, of one column; at most one is open for a column at a time."""

    __tablename__ = "reencrypt_jobs"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[ReencryptionState] = mapped_column(stored_enum(ReencryptionState))
    place: Mapped[str] = mapped_column(String(400))
    target: Mapped[dict[str, Any]] = mapped_column(JSON)
    model: Mapped[str | None] = mapped_column(String(300))
    target_version: Mapped[str] = mapped_column(String(32))
    dry_run: Mapped[bool]
    pace: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Batch size, rows to a transaction, ranges at a time and limits; see rotation.pace."""
    total_rows: Mapped[int] = mapped_column(BigInteger)
    """Rows with a value when the job was made, as the database estimates or counts them."""
    rows_by_version: Mapped[dict[str, int] | None] = mapped_column(NullableJson)
    """What a dry run counted, or what the census at the end found."""
    last_error: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    trace_id: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        partial_index("uq_reencrypt_jobs_open", "place", where=IS_OPEN, unique=True),
        Index(None, "state"),
    )


class ReencryptionRange(Base):
    """A range of primary keys, `lower` left out and `upper` taken in, and the job of the ledger that works on it."""

    __tablename__ = "reencrypt_ranges"

    job_id: Mapped[int] = mapped_column(ForeignKey("reencrypt_jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    phase: Mapped[RangePhase] = mapped_column(stored_enum(RangePhase))
    lower: Mapped[list[Any] | None] = mapped_column(NullableJson)
    upper: Mapped[list[Any] | None] = mapped_column(NullableJson)
    cursor: Mapped[list[Any] | None] = mapped_column(NullableJson)
    """The last key that is done, for the next attempt."""
    ledger_job: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id"))
    done: Mapped[bool]
    processed: Mapped[int] = mapped_column(BigInteger, default=0)
    skipped: Mapped[int] = mapped_column(BigInteger, default=0)
    """Rows that were up to date already."""
    changed: Mapped[int] = mapped_column(BigInteger, default=0)
    """Rows that somebody else wrote meanwhile."""
    broken: Mapped[int] = mapped_column(BigInteger, default=0)
    versions: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Rows by version, as a dry run met them."""
    rows_per_second: Mapped[float | None]

    __table_args__ = (Index(None, "ledger_job"),)


class QuarantinedRow(Base):
    """A row whose token was not converted and is left exactly as it is; its version stays needed."""

    __tablename__ = "reencrypt_quarantine"

    place: Mapped[str] = mapped_column(String(400), primary_key=True)
    key_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the key as JSON, because a text key may be longer than an index takes."""
    key: Mapped[list[Any]] = mapped_column(JSON)
    job_id: Mapped[int] = mapped_column(Integer)
    """The re-encryption that met the row last."""
    version: Mapped[str | None] = mapped_column(String(32))
    """The version its token names, if it names one."""
    token_sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(100))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "version"),)
