"""Writing jobs into the ledger, one or many, once per dedupe key."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.jobs import LONGEST_USER, Job, JobState
from strongroom.jobs.errors import BadIdempotencyKeyError, BatchRefusedError, IdempotencyConflictError, Refusal
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.policy import LedgerPolicy
from strongroom.tracing import get_ids

MAX_DEDUPE_KEY = 200
MOST_DEADLINE_SECONDS = 366 * 86400
JOBS = Job.__table__


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job somebody wants. `args` holds ids and primitives, never a secret.

    The same dedupe key with the same kind and args means the same job. `source` is for lists; by default it is the
    argument of that name, and `queue` that of the kind. Of the jobs with one `exclusion` key a single one runs at a
    time. A job that is not over within `deadline_seconds` fails; by default its kind decides.
    """

    kind: JobKind
    args: Mapping[str, Any]
    trace_id: str
    dedupe_key: str | None = None
    source: str | None = None
    queue: Queue | None = None
    exclusion: str | None = None
    deadline_seconds: float | None = None

    @property
    def digest(self) -> str:
        """Return the SHA-256, in hex, of kind and args, and of a deadline of its own."""
        asked: dict[str, Any] = {"kind": self.kind, "args": dict(self.args)}
        if self.deadline_seconds is not None:
            asked["deadline_seconds"] = self.deadline_seconds
        content = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


def insert_job(session: Session, request: JobRequest, job_id: uuid.UUID, policy: LedgerPolicy) -> Job:
    """Insert the job, or return the one its dedupe key made before.

    Raises IdempotencyConflictError when that one asked for something else, BadIdempotencyKeyError.
    """
    _verify_key(request.dedupe_key)
    insert = insert_of(session)
    values = _columns(request, job_id, policy) | _times(_deadline(request, policy))
    statement = insert(Job).values(values)
    job = session.scalar(statement.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Job))
    return job if job is not None else _earlier_job(session, request)


def _verify_key(key: str | None) -> None:
    if key is not None and not 0 < len(key) <= MAX_DEDUPE_KEY:
        raise BadIdempotencyKeyError(
            f"An idempotency key of {len(key)} characters cannot be kept.",
            next_step=f"Use between 1 and {MAX_DEDUPE_KEY - 40} characters, a UUID for example.",
        )


def insert_jobs(
    session: Session, requests: Sequence[tuple[uuid.UUID, JobRequest]], policy: LedgerPolicy
) -> list[uuid.UUID]:
    """Insert many jobs at once and return their ids in order; one whose dedupe key is known is that earlier job.

    Raises BatchRefusedError with every request whose key belongs to something else or cannot be kept.
    """
    _verify_keys(requests)
    # In one order everywhere, so that two batches with the same keys wait for each other only one way round.
    ordered = sorted(requests, key=lambda numbered: numbered[1].dedupe_key or "")
    inserted: set[uuid.UUID] = set()
    for deadline in {_deadline(request, policy) for _, request in requests}:
        rows = [_columns(one, job_id, policy) for job_id, one in ordered if _deadline(one, policy) == deadline]
        insert = insert_of(session)(JOBS).values(_times(deadline))
        statement = insert.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(JOBS.c.id)
        inserted.update(session.connection().execute(statement, rows).scalars())
    return _with_earlier_jobs(session, requests, inserted)


def _with_earlier_jobs(
    session: Session, requests: Sequence[tuple[uuid.UUID, JobRequest]], inserted: AbstractSet[uuid.UUID]
) -> list[uuid.UUID]:
    keys = [request.dedupe_key for job_id, request in requests if job_id not in inserted]
    known = select(Job.dedupe_key, Job.id, Job.request_digest).where(Job.dedupe_key.in_(keys))
    earlier = {key: (job_id, digest) for key, job_id, digest in session.execute(known)} if keys else {}
    ids, refusals = [], []
    for index, (job_id, request) in enumerate(requests):
        found, digest = (job_id, request.digest) if job_id in inserted else earlier[request.dedupe_key]
        ids.append(found)
        if digest != request.digest:
            refusals.append(Refusal(index, _conflict(found)))
    if refusals:
        raise BatchRefusedError.of(refusals, len(requests))
    return ids


def _verify_keys(requests: Sequence[tuple[uuid.UUID, JobRequest]]) -> None:
    refusals = []
    for index, (_, request) in enumerate(requests):
        try:
            _verify_key(request.dedupe_key)
        except BadIdempotencyKeyError as error:
            refusals.append(Refusal(index, error))
    if refusals:
        raise BatchRefusedError.of(refusals, len(requests))


def _deadline(request: JobRequest, policy: LedgerPolicy) -> float | None:
    return request.deadline_seconds or policy.deadlines.get(request.kind)


def _columns(request: JobRequest, job_id: uuid.UUID, policy: LedgerPolicy) -> dict[str, Any]:
    ids = get_ids()
    return {
        "id": job_id,
        "kind": request.kind.value,
        "args": dict(request.args),
        "queue": (request.queue or request.kind.route.queue).value,
        "priority": request.kind.route.priority,
        "dedupe_key": request.dedupe_key,
        "request_digest": request.digest,
        "source": request.source or request.args.get("source"),
        "state": JobState.QUEUED,
        "max_errors": policy.max_errors,
        "exclusion": request.exclusion,
        "trace_id": request.trace_id,
        "request_id": ids.request_id,
        "user_id": _stored(ids.user_id),
        "username": _stored(ids.username),
    }


def _stored(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST_USER]


def _times(deadline: float | None) -> dict[str, Any]:
    deadline_at = None if deadline is None else utcnow(deadline)
    return {"run_after": utcnow(), "publish_after": utcnow(), "created_at": utcnow(), "deadline_at": deadline_at}


def _earlier_job(session: Session, request: JobRequest) -> Job:
    job = session.scalars(select(Job).where(Job.dedupe_key == request.dedupe_key)).one()
    if job.request_digest != request.digest:
        raise _conflict(job.id)
    return job


def _conflict(job_id: uuid.UUID) -> IdempotencyConflictError:
    return IdempotencyConflictError(
        f"The idempotency key belongs to job {job_id}, which asked for something else.",
        next_step="Use a new key for a new request, or repeat the first request unchanged.",
        job_id=str(job_id),
    )
