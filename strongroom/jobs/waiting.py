"""Why a job that waits does not begin."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job, JobState, PausedQueue


def find_obstacle(session: Session, job: Job) -> str | None:
    """Say in a few words what keeps a waiting job, besides its time and the want of a worker."""
    if job.state is not JobState.QUEUED:
        return None
    pause = session.get(PausedQueue, job.queue)
    if pause is not None:
        return f"queue {job.queue} is paused: {pause.reason}"
    holder = _find_holder(session, job)
    return None if holder is None else f"job {holder.id} ({holder.kind}) works on the same thing"


def _find_holder(session: Session, job: Job) -> Job | None:
    if job.exclusion is None:
        return None
    query = select(Job).where(Job.exclusion == job.exclusion, Job.state == JobState.RUNNING, Job.id != job.id)
    return session.scalar(query)
