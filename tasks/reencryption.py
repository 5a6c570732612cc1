"""Tasks about re-encryption."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.REENCRYPTION_RANGE.value)
def run_range(*, job_id: str) -> str:
    """Re-encrypt one range of a table."""
    return run(job_id)
