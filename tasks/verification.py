"""Tasks about verifications."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from strongroom.upkeep.verifying import request_nightly
from tasks.process import current
from tasks.running import hand_over, run


@shared_task(name=JobKind.VERIFICATION_RUN.value)
def run_verification(*, job_id: str) -> str:
    """Make the verification a job asks for."""
    return run(job_id)


@shared_task(name=JobKind.REGION_VERIFICATION.value)
def run_region_verification(*, job_id: str) -> str:
    """Check everything a region should hold."""
    return run(job_id)


@shared_task(name="verification.nightly")
def verify_nightly() -> int:
    """Queue today's checks of every region that has none yet, and return how many there are."""
    process = current()
    queued = len(request_nightly(process.services))
    hand_over(process)
    return queued
