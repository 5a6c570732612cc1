"""What people want of a job that may be running: that it stops, that it rests, that it is over by a certain time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import SQLColumnExpression, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.jobs.errors import JobFinishedError, JobNotFoundError
from strongroom.jobs.transitions import end, pause, requeue

WAITING = frozenset({JobState.QUEUED, JobState.PAUSED})


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the holder of a job is to heed; `seconds_left` counts from when it asked, by the database's clock."""

    cancel: bool = False
    pause: bool = False
    seconds_left: float | None = None

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """Read what `wish_columns` names."""
        cancel, pause, deadline, now = columns
        return cls(cancel, pause, None if deadline is None else (deadline - now).total_seconds())


def wish_columns() -> tuple[SQLColumnExpression[Any], ...]:
    """Return what a statement reads to tell the holder: cancel, pause, deadline and the database's time."""
    return Job.cancel_requested, Job.pause_requested, Job.deadline_at, utcnow()


def wish_cancelled(session: Session, job_id: uuid.UUID) -> Job:
    """Cancel a waiting job now, a running one at its next check; raises JobNotFoundError, JobFinishedError."""
    job = _lock(session, job_id)
    if job.state is not JobState.CANCELLED:
        _verify_open(job)
        job.cancel_requested = True
    if job.state in WAITING:
        end(job, JobState.CANCELLED)
    return _as_written(session, job)


def wish_paused(session: Session, job_id: uuid.UUID) -> Job:
    """Pause a waiting job now, a running one at its next check; raises JobNotFoundError, JobFinishedError."""
    job = _lock(session, job_id)
    _verify_open(job)
    if job.state is JobState.QUEUED:
        pause(job)
    elif job.state is JobState.RUNNING:
        job.pause_requested = True
    return _as_written(session, job)


def wish_resumed(session: Session, job_id: uuid.UUID) -> Job:
    """Queue a paused job; one that has not paused yet goes on. Raises JobNotFoundError, JobFinishedError."""
    job = _lock(session, job_id)
    _verify_open(job)
    job.pause_requested = False
    if job.state is JobState.PAUSED:
        requeue(job, 0.0)
    return _as_written(session, job)


def _lock(session: Session, job_id: uuid.UUID) -> Job:
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None:
        raise JobNotFoundError.of(job_id)
    return job


def _verify_open(job: Job) -> None:
    if job.state in FINAL_STATES:
        raise JobFinishedError(
            f"Job {job.id} has already {job.state}.", next_step="Nothing is left to stop or resume; look at its result."
        )


def _as_written(session: Session, job: Job) -> Job:
    session.flush()
    session.refresh(job)
    return job
