"""Tasks about restores."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.RESTORE_RUN.value)
def run_restore(*, job_id: str) -> str:
    """Make the restore a job asks for."""
    return run(job_id)
