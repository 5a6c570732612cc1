"""Tasks about key rotations."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.ROTATION_RUN.value)
def run_rotation(*, job_id: str) -> str:
    """Move the key slots of a region to its current key version."""
    return run(job_id)
