"""Writing a job into the ledger, once per dedupe key."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.errors import BadIdempotencyKeyError, IdempotencyConflictError
from strongroom.jobs.kinds import JobKind

MAX_DEDUPE_KEY = 200


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job somebody wants. `args` holds ids and primitives, never a secret.

    The same dedupe key with the same kind and args means the same job. `source` is for lists; by default it is the
    argument of that name.
    """

    kind: JobKind
    args: Mapping[str, Any]
    trace_id: str
    dedupe_key: str | None = None
    source: str | None = None
    delay_seconds: float = 0.0

    @property
    def digest(self) -> str:
        """Return the SHA-256 of kind and args in hex."""
        content = json.dumps({"kind": self.kind, "args": dict(self.args)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


def insert_job(session: Session, request: JobRequest, job_id: uuid.UUID, max_errors: int) -> Job:
    """Insert the job, or return the one its dedupe key made before.

    Raises IdempotencyConflictError when that one asked for something else, BadIdempotencyKeyError.
    """
    _verify_key(request.dedupe_key)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Job).values(_values(request, job_id, max_errors))
    job = session.scalar(statement.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Job))
    return job if job is not None else _earlier_job(session, request)


def _verify_key(key: str | None) -> None:
    if key is not None and not 0 < len(key) <= MAX_DEDUPE_KEY:
        raise BadIdempotencyKeyError(
            f"An idempotency key of {len(key)} characters cannot be kept.",
            next_step=f"Use between 1 and {MAX_DEDUPE_KEY - 40} characters, a UUID for example.",
        )


def _values(request: JobRequest, job_id: uuid.UUID, max_errors: int) -> dict[str, Any]:
    return {
        "id": job_id,
        "kind": request.kind.value,
        "args": dict(request.args),
        "queue": request.kind.route.queue.value,
        "priority": request.kind.route.priority,
        "dedupe_key": request.dedupe_key,
        "request_digest": request.digest,
        "source": request.source or request.args.get("source"),
        "state": JobState.QUEUED,
        "max_errors": max_errors,
        "run_after": utcnow(request.delay_seconds),
        "publish_after": utcnow(request.delay_seconds),
        "trace_id": request.trace_id,
        "created_at": utcnow(),
    }


def _earlier_job(session: Session, request: JobRequest) -> Job:
    job = session.scalars(select(Job).where(Job.dedupe_key == request.dedupe_key)).one()
    if job.request_digest != request.digest:
        raise IdempotencyConflictError(
            f"The idempotency key belongs to job {job.id}, which asked for something else.",
            next_step="Use a new key for a new request, or repeat the first request unchanged.",
            job_id=str(job.id),
        )
    return job
