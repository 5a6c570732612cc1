"""Taking jobs away from holders that went silent, and ending those whose time is over."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import FINAL_STATES, WITH_DEADLINE, Job, JobState
from strongroom.jobs.alerting import note_end
from strongroom.jobs.attempts import AttemptEnd, note_attempt_end
from strongroom.jobs.eligibility import in_state
from strongroom.jobs.failures import POISONED
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.transitions import end, expire, requeue

BATCH = 50


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The jobs whose lease had lapsed, by what became of them, and those whose deadline had passed."""

    requeued: tuple[uuid.UUID, ...] = ()
    dead: tuple[uuid.UUID, ...] = ()
    cancelled: tuple[uuid.UUID, ...] = ()
    paused: tuple[uuid.UUID, ...] = ()
    expired: tuple[uuid.UUID, ...] = ()


def sweep(ledger: Ledger) -> SweepReport:
    """Queue every job with a lapsed lease again, or end it as it has to be; then end what waits past its deadline.

    Any number of processes may do this at once; each job is handled by one of them.
    """
    lapsed = _sweep_all(ledger, _lapsed(), lambda job: _take_away(job, ledger.policy.max_crashes))
    expired = _sweep_all(ledger, _overdue(), expire)
    late = frozenset(_ids(expired, JobState.FAILED))
    return SweepReport(
        requeued=tuple(job_id for job_id in _ids(lapsed, JobState.QUEUED) if job_id not in late),
        dead=_ids(lapsed, JobState.DEAD),
        cancelled=_ids(lapsed, JobState.CANCELLED),
        paused=tuple(job_id for job_id in _ids(lapsed, JobState.PAUSED) if job_id not in late),
        expired=_ids(expired, JobState.FAILED),
    )


def _sweep_all(ledger: Ledger, query: Select[tuple[Job]], settle: Callable[[Job], None]) -> list[Job]:
    swept: list[Job] = []
    while batch := _sweep_batch(ledger, query, settle):
        swept.extend(batch)
    return swept


def _sweep_batch(ledger: Ledger, query: Select[tuple[Job]], settle: Callable[[Job], None]) -> Sequence[Job]:
    with ledger.catalog.begin() as session:
        jobs = session.scalars(query.limit(BATCH).with_for_update(skip_locked=True)).all()
        for job in jobs:
            settle(job)
        _note_ends(session, jobs)
        return jobs


def _note_ends(session: Session, jobs: Sequence[Job]) -> None:
    session.flush()
    for job in jobs:
        if job.state in FINAL_STATES:
            session.refresh(job)
            note_end(session, job, {})


def _lapsed() -> Select[tuple[Job]]:
    lapsed = Job.lease_until <= utcnow()
    return select(Job).where(in_state(Job, JobState.RUNNING), lapsed).order_by(Job.lease_until)


def _overdue() -> Select[tuple[Job]]:
    return select(Job).where(WITH_DEADLINE, Job.deadline_at <= utcnow()).order_by(Job.deadline_at)


def _take_away(job: Job, max_crashes: int) -> None:
    note_attempt_end(job, AttemptEnd.CRASHED)
    job.fence += 1
    job.crashes += 1
    if job.cancel_requested or job.crashes < max_crashes:
        requeue(job, 0.0)
    else:
        job.last_error = POISONED.as_stored()
        end(job, JobState.DEAD)


def _ids(jobs: Sequence[Job], state: JobState) -> tuple[uuid.UUID, ...]:
    return tuple(job.id for job in jobs if job.state is state)
