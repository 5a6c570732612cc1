"""Tasks about garbage in regions."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from strongroom.retention.collecting import request_nightly
from tasks.process import current
from tasks.running import hand_over, run


@shared_task(name=JobKind.COLLECTION_RUN.value)
def run_collection(*, job_id: str) -> str:
    """Find, and if asked delete, the garbage of one region."""
    return run(job_id)


@shared_task(name="collection.nightly")
def collect_nightly() -> int:
    """Queue today's collection of every region that has none yet, and return how many regions there are."""
    process = current()
    queued = len(request_nightly(process.services))
    hand_over(process)
    return queued
