"""Tasks about the recovery key."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.EXTENSION_RUN.value)
def run_extension(*, job_id: str) -> str:
    """Give every backup a key slot for the recovery key."""
    return run(job_id)
