"""Tasks about what is kept and what goes."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from strongroom.retention.locking import request_locking
from strongroom.retention.sweeping import request_nightly
from tasks.process import current
from tasks.running import hand_over, run


@shared_task(name=JobKind.RETENTION_RUN.value)
def run_retention(*, job_id: str) -> str:
    """Report, and if asked delete, what no policy keeps."""
    return run(job_id)


@shared_task(name=JobKind.RETENTION_LOCK.value)
def run_lock(*, job_id: str) -> str:
    """Lock what one region holds until its policies' end."""
    return run(job_id)


@shared_task(name="retention.nightly")
def retain_nightly() -> None:
    """Queue today's run, unless there is one."""
    process = current()
    request_nightly(process.services)
    hand_over(process)


@shared_task(name="retention.locks")
def lock_due() -> int:
    """Queue a job for every region with backups to lock, and return how many there are."""
    process = current()
    queued = len(request_locking(process.services))
    hand_over(process)
    return queued
