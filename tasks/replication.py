"""Tasks about copies in other regions."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from strongroom.replication.reconcile import reconcile
from tasks.process import current
from tasks.running import hand_over, run


@shared_task(name=JobKind.REPLICATION_COPY.value)
def run_copy(*, job_id: str) -> str:
    """Make the copy a job asks for."""
    return run(job_id)


@shared_task(name="replication.reconcile")
def reconcile_replicas() -> int:
    """Queue a copy for every replica that a region lacks, and return how many."""
    process = current()
    queued = len(reconcile(process.services))
    hand_over(process)
    return queued
