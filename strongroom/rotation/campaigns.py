"""Asking for a re-encryption, finding it again, and stopping or resuming it with all its jobs."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.catalog.reencryption import (
    OPEN_STATES,
    RangePhase,
    ReencryptionJob,
    ReencryptionRange,
    ReencryptionState,
)
from strongroom.jobs.wishes import wish_cancelled, wish_paused, wish_resumed
from strongroom.rotation.errors import ColumnBusyError, ReencryptionNotFoundError, ReencryptionOverError
from strongroom.rotation.finishing import range_request
from strongroom.rotation.opening import opened_table
from strongroom.rotation.pace import Pace
from strongroom.rotation.registry import register_column, register_columns
from strongroom.rotation.states import LOST, list_ledger_jobs, settle_state, settle_states
from strongroom.rotation.target import Target, shown
from strongroom.services import Services

ROWS_A_RANGE = 100_000
MOST_RANGES = 64


@dataclass(frozen=True, slots=True)
class ReencryptionRequest:
    """A re-encryption somebody asks for; a dry run verifies and counts, and changes no row.

    `others` are more encrypted columns of the same application, which are registered with it.
    """

    target: Target
    pace: Pace
    trace_id: str
    model: str | None = None
    dry_run: bool = False
    others: Sequence[Target] = ()


def request_reencryption(services: Services, request: ReencryptionRequest) -> ReencryptionJob:
    """Split the table into ranges and queue a job for each; the column is registered from here on.

    Raises ColumnBusyError while another one is open for the column, TargetUnavailableError, TargetRefusedError and what
    loading the ring raises.
    """
    version = services.open_ring().active
    with opened_table(services.settings, request.target) as table:
        total = table.count()
        pieces = max(1, min(MOST_RANGES, total // ROWS_A_RANGE)) if table.parallel else 1
        cuts = [shown(key) for key in table.split(pieces)] if pieces > 1 else []
    try:
        with services.catalog.begin() as session:
            settle_states(session)
            _verify_free(session, request.target.place)
            job = _insert(session, request, version, total)
            register_columns(session, request.others)
            register_column(session, request.target, request.model)
            bounds = [None, *cuts, None]
            for number, (lower, upper) in enumerate(pairwise(bounds)):
                _insert_range(session, services, job, number, (lower, upper))
            return job
    except IntegrityError:
        # Somebody asked for the same at the same moment.
        raise _busy(request.target.place, None) from None


def get_reencryption(session: Session, number: int) -> ReencryptionJob:
    """Return a re-encryption with its state settled, for a writing transaction; raises ReencryptionNotFoundError."""
    job = session.get(ReencryptionJob, number, with_for_update=True)
    if job is None:
        raise ReencryptionNotFoundError(
            f"There is no re-encryption {number}.", next_step="Look it up with `strongroom secrets list-jobs`."
        )
    settle_state(session, job)
    return job


def list_reencryptions(
    session: Session, *, state: ReencryptionState | None = None, limit: int = 20
) -> Sequence[ReencryptionJob]:
    """Return re-encryptions, newest first, with their states settled; for a writing transaction."""
    settle_states(session)
    query = select(ReencryptionJob).order_by(ReencryptionJob.id.desc()).limit(limit)
    return session.scalars(query if state is None else query.where(ReencryptionJob.state == state)).all()


def get_to_resume(session: Session, place: str, *, dry_run: bool) -> ReencryptionJob:
    """Return the last re-encryption, or dry run, of a column; raises ReencryptionNotFoundError where it has finished.

    An earlier one that failed is not gone back to: the last has done its work.
    """
    settle_states(session)
    query = select(ReencryptionJob).where(ReencryptionJob.place == place, ReencryptionJob.dry_run.is_(dry_run))
    job = session.scalars(query.order_by(ReencryptionJob.id.desc()).limit(1)).first()
    if job is None or job.state is ReencryptionState.FINISHED:
        raise ReencryptionNotFoundError(
            f"No re-encryption of {place} is left to resume.", next_step="Start one without --resume."
        )
    return job


def resume_reencryption(services: Services, number: int) -> ReencryptionJob:
    """Go on with a re-encryption that was paused, failed or cancelled, every range from its cursor.

    One that waits or runs is left alone. Raises ReencryptionNotFoundError, ReencryptionOverError, ColumnBusyError.
    """
    with services.catalog.begin() as session:
        _hold_jobs(session, number)
        job = get_reencryption(session, number)
        if job.state is ReencryptionState.FINISHED:
            raise _over(job)
        if job.state is ReencryptionState.FAILED:
            _verify_free(session, job.place)
            job.state, job.last_error, job.finished_at = ReencryptionState.RUNNING, None, None
        for part, ledger_job in _open_ranges(session, number):
            if ledger_job.state in LOST:
                part.ledger_job = services.ledger.enqueue(session, range_request(job, part.number)).id
                # Those that still do not open are met again by the search at the end.
                part.broken = 0
            elif ledger_job.state is JobState.PAUSED or ledger_job.pause_requested:
                wish_resumed(session, ledger_job.id)
        session.flush()
        settle_state(session, job)
        return job


def pause_reencryption(services: Services, number: int) -> ReencryptionJob:
    """Pause every job of a re-encryption; raises ReencryptionNotFoundError, ReencryptionOverError."""
    return _wish(services, number, wish_paused)


def cancel_reencryption(services: Services, number: int) -> ReencryptionJob:
    """Cancel every job of a re-encryption; what is converted stays so, and it can be resumed.

    Raises ReencryptionNotFoundError, ReencryptionOverError.
    """
    return _wish(services, number, wish_cancelled)


def open_jobs_of(services: Services, number: int) -> list[uuid.UUID]:
    """Return the jobs of the ledger that are left of a re-encryption, in order."""
    with services.catalog.read() as session:
        return [job.id for job in list_ledger_jobs(session, number, only_open=True) if job.state not in FINAL_STATES]


def _wish(services: Services, number: int, wish: Callable[[Session, uuid.UUID], Job]) -> ReencryptionJob:
    with services.catalog.begin() as session:
        _hold_jobs(session, number)
        job = get_reencryption(session, number)
        if job.state not in OPEN_STATES:
            raise _over(job)
        for _, ledger_job in _open_ranges(session, number):
            if ledger_job.state not in FINAL_STATES:
                wish(session, ledger_job.id)
        settle_state(session, job)
        return job


def _hold_jobs(session: Session, number: int) -> None:
    """Lock the jobs before the re-encryption, as a job does that records what it did: else each waits for the other."""
    query = select(Job.id).join(ReencryptionRange, ReencryptionRange.ledger_job == Job.id)
    query = query.where(ReencryptionRange.job_id == number, ReencryptionRange.done.is_(False))
    session.execute(query.order_by(ReencryptionRange.number).with_for_update(of=Job)).all()


def _open_ranges(session: Session, number: int) -> Sequence[Any]:
    query = select(ReencryptionRange, Job).join(Job, Job.id == ReencryptionRange.ledger_job)
    query = query.where(ReencryptionRange.job_id == number, ReencryptionRange.done.is_(False))
    return session.execute(query.order_by(ReencryptionRange.number)).all()


def _verify_free(session: Session, place: str) -> None:
    query = select(ReencryptionJob.id).where(ReencryptionJob.place == place, ReencryptionJob.state.in_(OPEN_STATES))
    number = session.scalar(query)
    if number is not None:
        raise _busy(place, number)


def _busy(place: str, number: int | None) -> ColumnBusyError:
    which = "Another re-encryption" if number is None else f"Re-encryption {number}"
    return ColumnBusyError(
        f"{which} of {place} is open already.",
        next_step="Follow it with `strongroom secrets list-jobs`, or go on with it with --resume.",
    )


def _over(job: ReencryptionJob) -> ReencryptionOverError:
    return ReencryptionOverError(
        f"Re-encryption {job.id} has {job.state}.", next_step="Start a new one if rows are left: --dry-run counts them."
    )


def _insert(session: Session, request: ReencryptionRequest, version: str, total: int) -> ReencryptionJob:
    job = ReencryptionJob(
        state=ReencryptionState.PENDING,
        place=request.target.place,
        target=request.target.as_stored(),
        model=request.model,
        target_version=version,
        dry_run=request.dry_run,
        pace=request.pace.as_stored(),
        total_rows=total,
        trace_id=request.trace_id,
        created_at=utcnow(),
        updated_at=utcnow(),
    )
    session.add(job)
    session.flush()
    session.refresh(job)
    return job


def _insert_range(
    session: Session, services: Services, job: ReencryptionJob, number: int, bounds: tuple[Any, Any]
) -> None:
    lower, upper = bounds
    ledger_job = services.ledger.enqueue(session, range_request(job, number))
    session.add(
        ReencryptionRange(
            job_id=job.id,
            number=number,
            phase=RangePhase.KEYSET,
            lower=lower,
            upper=upper,
            ledger_job=ledger_job.id,
            done=False,
            versions={},
        )
    )
