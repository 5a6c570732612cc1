"""Tasks about restores."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.RESTORE_RUN.value)
def run_restore(*, job_id: str) -> str:
    """Make the restore a job asks for."""
    return run(job_id)


@shared_task(name=JobKind.RESTORE_PLAN.value)
def plan_restore(*, job_id: str) -> str:
    """Say what the restore a job names would do."""
    return run(job_id)
