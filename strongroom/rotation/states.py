"""Where a re-encryption stands, which follows from the jobs of the ledger that work on its ranges.

A job that is not the re-encryption's own concern may change at any time: a worker dies, somebody pauses one of them. So
the state is settled from theirs whenever it is asked for.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.reencryption import OPEN_STATES, ReencryptionJob, ReencryptionRange, ReencryptionState
from strongroom.jobs.failures import JobFailure
from strongroom.rotation.errors import ReencryptionCancelledError

LOST = frozenset({JobState.FAILED, JobState.DEAD, JobState.CANCELLED})


def settle_states(session: Session) -> None:
    """Bring the state of every open re-encryption in step with its jobs; for a writing transaction."""
    query = select(ReencryptionJob).where(ReencryptionJob.state.in_(OPEN_STATES)).order_by(ReencryptionJob.id)
    # Locked, so that one that somebody resumes meanwhile is not ended by what was true before.
    for job in session.scalars(query.with_for_update()).all():
        settle_state(session, job)


def settle_state(session: Session, job: ReencryptionJob) -> None:
    """Bring the state of one re-encryption in step with its jobs; one that has ended keeps its state."""
    if job.state not in OPEN_STATES:
        return
    jobs = list_ledger_jobs(session, job.id, only_open=True)
    state = state_of([one.state for one in jobs], begun=job.started_at is not None)
    begun = [one.started_at for one in jobs if one.started_at is not None]
    if job.started_at is None and begun:
        job.started_at = min(begun)
    if state is ReencryptionState.FAILED:
        job.finished_at, job.last_error = utcnow(), _error_of(jobs)
    if state is not job.state:
        job.state, job.updated_at = state, utcnow()
    session.flush()


def state_of(jobs: Iterable[JobState], *, begun: bool) -> ReencryptionState:
    """Return what the states of the jobs of unfinished ranges mean together; only the last of all finishes it."""
    states = set(jobs)
    if JobState.RUNNING in states:
        return ReencryptionState.RUNNING
    if JobState.QUEUED in states:
        return ReencryptionState.RUNNING if begun else ReencryptionState.PENDING
    if JobState.PAUSED in states:
        return ReencryptionState.PAUSED
    # A job that has succeeded has marked its range; between its two commits it counts as running.
    return ReencryptionState.FAILED if states & LOST else ReencryptionState.RUNNING


def list_ledger_jobs(session: Session, job_id: int, *, only_open: bool) -> Sequence[Job]:
    """Return the jobs of the ledger that work on the ranges of a re-encryption, in order."""
    query = select(Job).join(ReencryptionRange, ReencryptionRange.ledger_job == Job.id)
    query = query.where(ReencryptionRange.job_id == job_id).order_by(ReencryptionRange.number)
    if only_open:
        query = query.where(ReencryptionRange.done.is_(False))
    return session.scalars(query).all()


def _error_of(jobs: Sequence[Job]) -> dict[str, object] | None:
    for job in jobs:
        if job.state in (JobState.FAILED, JobState.DEAD):
            return job.last_error
    return JobFailure.of(
        ReencryptionCancelledError(
            "The re-encryption was cancelled.",
            next_step="What was converted stays converted; go on with `strongroom secrets reencrypt --resume`.",
        )
    ).as_stored()
