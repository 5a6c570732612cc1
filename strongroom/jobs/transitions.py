"""The ways a job stops running: back to the queue, at rest, or to its end. Callers hold the row's lock."""

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.failures import missed_deadline


def requeue(job: Job, delay_seconds: float) -> None:
    """Let the job wait for its next attempt, unpublished; one that is to be cancelled or paused is so here instead."""
    if job.cancel_requested:
        end(job, JobState.CANCELLED)
        return
    if job.pause_requested:
        pause(job)
        return
    _drop_lease(job)
    job.state = JobState.QUEUED
    job.run_after = job.publish_after = utcnow(delay_seconds)
    job.published_at = None
    job.publish_count = 0


def pause(job: Job) -> None:
    """Put the job to rest until somebody resumes it; it keeps its cursor and its errors."""
    _drop_lease(job)
    job.state = JobState.PAUSED
    job.pause_requested = False


def expire(job: Job) -> None:
    """End the job because its deadline has passed."""
    job.last_error = missed_deadline(job.last_error).as_stored()
    end(job, JobState.FAILED)


def end(job: Job, state: JobState) -> None:
    """Move the job to a final state."""
    _drop_lease(job)
    job.state = state
    job.finished_at = utcnow()


def _drop_lease(job: Job) -> None:
    job.lease_owner = None
    job.lease_until = None
