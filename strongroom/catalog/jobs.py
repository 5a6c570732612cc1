"""Tables of the job ledger and of the processes that work on it."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, NullableJson, UtcDateTime, partial_index, stored_enum


class JobState(StrEnum):
    """Where a job stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


LONGEST_USER = 120
FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED})

QUEUED = text("state = 'queued'")
TO_HAND_OVER = text("state = 'queued' AND publish_count >= 0")
"""True of every waiting job, and said by one query alone: the others are kept from an index without their order."""
HANDED_OVER = text("state = 'queued' AND published_at IS NOT NULL")
RUNNING = text("state = 'running'")
WAITING_WITH_KEY = text("state = 'queued' AND exclusion IS NOT NULL")
RUNNING_WITH_KEY = text("state = 'running' AND exclusion IS NOT NULL")
ENDED_BACKUPS = text("kind = 'backup.run' AND finished_at IS NOT NULL")
RETRIED = text("attempt > 1")
ASKED_FOR = text("request_id IS NOT NULL")
WITH_DEADLINE = text("state IN ('queued', 'paused') AND deadline_at IS NOT NULL")


class Job(Base):
    """One durable piece of work; the row is its own outbox entry, published until somebody takes it."""

    __tablename__ = "job"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(63))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Ids and primitives only; never a secret."""
    queue: Mapped[str] = mapped_column(String(32))
    priority: Mapped[int]
    """The lower number goes first."""
    dedupe_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of what was asked for: the same dedupe key with other content is a conflict."""
    source: Mapped[str | None] = mapped_column(String(63))
    """The source the job is about, so that jobs can be listed by it."""
    exclusion: Mapped[str | None] = mapped_column(String(120))
    """What only one running job may work on at a time, such as `source:NAME`."""
    state: Mapped[JobState] = mapped_column(stored_enum(JobState))
    attempt: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    max_errors: Mapped[int] = mapped_column(default=5)
    crashes: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    pause_requested: Mapped[bool] = mapped_column(default=False, server_default=false())
    run_after: Mapped[datetime] = mapped_column(UtcDateTime)
    deadline_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the job fails, wherever it stands; it is not begun and not tried again after that."""
    publish_after: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the row is next handed to the broker: `run_after` at first, later and later while nobody answers."""
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    publish_count: Mapped[int] = mapped_column(default=0)
    cursor: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    progress: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    result: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    last_error: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    """code, message, next_step, retryable, exit_code."""
    trace_id: Mapped[str] = mapped_column(String(32))
    request_id: Mapped[str | None] = mapped_column(String(64))
    """The request that asked for it; none for what a tick or a command asked for."""
    user_id: Mapped[str | None] = mapped_column(String(LONGEST_USER))
    username: Mapped[str | None] = mapped_column(String(LONGEST_USER))
    """Who asked for it: an operator, a service token, a user of a machine; none for what a tick asked for."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="running_has_lease"),
        partial_index("ix_job_due", "publish_after", where=TO_HAND_OVER),
        partial_index("ix_job_lease", "lease_until", where=RUNNING),
        partial_index("ix_job_turn", "queue", "priority", "created_at", "id", where=QUEUED),
        partial_index("ix_job_out", "queue", where=HANDED_OVER),
        partial_index("ix_job_deadline", "deadline_at", where=WITH_DEADLINE),
        partial_index("ix_job_line", "exclusion", "priority", "created_at", "id", where=WAITING_WITH_KEY),
        # Two claims of one key at the same moment: the second is refused by the database itself.
        partial_index("uq_job_exclusion", "exclusion", where=RUNNING_WITH_KEY, unique=True),
        # Metrics count these without reading rows, of which there is no end.
        partial_index("ix_job_backup_ended", "source", "state", where=ENDED_BACKUPS),
        partial_index("ix_job_retried", "queue", "attempt", where=RETRIED),
        Index(None, "trace_id"),
        partial_index("ix_job_request_id", "request_id", where=ASKED_FOR),
        Index(None, "source", "id"),
    )


class PausedQueue(Base):
    """A queue that is paused: the row is there for as long as it is."""

    __tablename__ = "paused_queue"

    queue: Mapped[str] = mapped_column(String(32), primary_key=True)
    paused_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paused_by: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(String(500))


class JobStep(Base):
    """The idempotency record of one step: once it is there, the step's effect has happened."""

    __tablename__ = "job_step"

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id"), primary_key=True)
    step: Mapped[str] = mapped_column(String(120), primary_key=True)
    fence: Mapped[int] = mapped_column(BigInteger)
    result: Mapped[dict[str, Any] | None] = mapped_column(NullableJson)
    done_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobAttempt(Base):
    """One attempt of a job that needed several, or that ended otherwise than well."""

    __tablename__ = "job_attempt"

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str | None] = mapped_column(String(120))
    """The process that made it."""
    began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Of the first attempt the job itself says this."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended: Mapped[str | None] = mapped_column(String(16))
    """failed, cancelled, expired, released, crashed; nothing where it goes on or ended well."""
    error_code: Mapped[str | None] = mapped_column(String(120))
