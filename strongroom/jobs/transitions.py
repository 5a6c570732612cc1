"""The two ways a job stops running: back to the queue, or to its end. Callers hold the row's lock."""

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState


def requeue(job: Job, delay_seconds: float) -> None:
    """Let the job wait for its next attempt, unpublished; one that is to be cancelled ends here instead."""
    if job.cancel_requested:
        end(job, JobState.CANCELLED)
        return
    _drop_lease(job)
    job.state = JobState.QUEUED
    job.run_after = job.publish_after = utcnow(delay_seconds)
    job.published_at = None
    job.publish_count = 0


def end(job: Job, state: JobState) -> None:
    """Move the job to a final state."""
    _drop_lease(job)
    job.state = state
    job.finished_at = utcnow()


def _drop_lease(job: Job) -> None:
    job.lease_owner = None
    job.lease_until = None
