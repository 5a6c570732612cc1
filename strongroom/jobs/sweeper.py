"""Taking jobs away from holders that went silent."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.failures import POISONED
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.transitions import end, requeue

BATCH = 50


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The jobs whose lease had lapsed, by what became of them."""

    requeued: tuple[uuid.UUID, ...]
    dead: tuple[uuid.UUID, ...]
    cancelled: tuple[uuid.UUID, ...]


def sweep(ledger: Ledger) -> SweepReport:
    """Queue every job with a lapsed lease again, or end it when it crashed too often or was to be cancelled.

    Any number of processes may do this at once; each job is handled by one of them.
    """
    swept: list[Job] = []
    while batch := _sweep_batch(ledger):
        swept.extend(batch)
    return SweepReport(
        requeued=_ids(swept, JobState.QUEUED),
        dead=_ids(swept, JobState.DEAD),
        cancelled=_ids(swept, JobState.CANCELLED),
    )


def _sweep_batch(ledger: Ledger) -> Sequence[Job]:
    with ledger.catalog.begin() as session:
        jobs = _lock_lapsed(session)
        for job in jobs:
            _take_away(job, ledger.policy.max_crashes)
        return jobs


def _lock_lapsed(session: Session) -> Sequence[Job]:
    query = (
        select(Job)
        .where(Job.state == JobState.RUNNING, Job.lease_until <= utcnow())
        .order_by(Job.lease_until)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def _take_away(job: Job, max_crashes: int) -> None:
    job.fence += 1
    job.crashes += 1
    if job.cancel_requested or job.crashes < max_crashes:
        requeue(job, 0.0)
    else:
        job.last_error = POISONED.as_stored()
        end(job, JobState.DEAD)


def _ids(jobs: Sequence[Job], state: JobState) -> tuple[uuid.UUID, ...]:
    return tuple(job.id for job in jobs if job.state is state)
