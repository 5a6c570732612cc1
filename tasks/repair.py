"""Tasks about repairs."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.REPAIR_RUN.value)
def run_repair(*, job_id: str) -> str:
    """Mend the copy a job names."""
    return run(job_id)
