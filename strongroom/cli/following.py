"""Waiting for a job that a worker runs, and saying how it ended."""

import uuid

from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.cli.errors import JobFailedError, WaitInterruptedError
from strongroom.cli.progress import progress_view
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode, StrongroomError
from strongroom.jobs.errors import JobCancelledError
from strongroom.services import Services

SECONDS_BETWEEN_LOOKS = 0.5
PATIENCE_SECONDS = 15.0


def follow_job(services: Services, job_id: uuid.UUID, screen: Screen) -> Job:
    """Show the progress of a job until it has ended and return it.

    Raises JobNotFoundError, and WaitInterruptedError on Ctrl-C: the job itself goes on.
    """
    try:
        return _await_end(services, job_id, screen)
    except KeyboardInterrupt:
        raise _interrupted(job_id) from None


def _await_end(services: Services, job_id: uuid.UUID, screen: Screen) -> Job:
    began = services.clock.monotonic()
    warned = False
    with progress_view(screen, services.clock) as view:
        while (job := services.ledger.get(job_id)).state not in FINAL_STATES:
            view.show(job)
            if not warned and _waits_for_a_worker(job, services.clock.monotonic() - began):
                screen.warn(_nobody_came(job))
                warned = True
            services.clock.sleep(SECONDS_BETWEEN_LOOKS)
        view.show(job)
    return job


def _interrupted(job_id: uuid.UUID) -> WaitInterruptedError:
    return WaitInterruptedError(
        f"Stopped waiting; job {job_id} goes on.",
        next_step=f"Follow it: strongroom jobs watch {job_id}\nStop it:   strongroom jobs cancel {job_id}",
    )


def verify_succeeded(job: Job) -> None:
    """Return when the job has succeeded; raises JobFailedError with the job's own error and exit code."""
    if job.state is JobState.SUCCEEDED:
        return
    error = job.last_error or {}
    if job.state is JobState.CANCELLED:
        error = {
            "code": JobCancelledError.code,
            "message": "It was cancelled.",
            "next_step": "Request it again if need be.",
        }
    raise JobFailedError(
        f"Job {job.id} ({job.kind}) has {_ended(job)}. {error.get('message', '')}".rstrip(),
        next_step=str(error.get("next_step", f"See `strongroom jobs show {job.id}`.")),
        job_code=str(error.get("code", StrongroomError.code)),
        ends_in=ExitCode(error.get("exit_code", ExitCode.FAILURE)),
    )


def _waits_for_a_worker(job: Job, seconds: float) -> bool:
    return job.state is JobState.QUEUED and job.attempt == 0 and seconds >= PATIENCE_SECONDS


def _nobody_came(job: Job) -> str:
    return (
        f"no worker has taken job {job.id} for {PATIENCE_SECONDS:.0f} s. Is the service running? "
        f"The job waits; to run it in this terminal instead: strongroom jobs run {job.id}"
    )


def _ended(job: Job) -> str:
    return "been cancelled" if job.state is JobState.CANCELLED else "died" if job.state is JobState.DEAD else "failed"
