"""Tasks about queues."""

from celery import shared_task

from strongroom.jobs.kinds import JobKind
from tasks.running import run


@shared_task(name=JobKind.QUEUE_PROBE.value)
def run_probe(*, job_id: str) -> str:
    """Answer a probe of the queue that the message came through."""
    return run(job_id)
