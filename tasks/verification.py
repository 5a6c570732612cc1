"""Tasks about verifications."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.VERIFICATION_RUN.value)
def run_verification(*, job_id: str) -> str:
    """Make the verification a job asks for."""
    return run(job_id)
