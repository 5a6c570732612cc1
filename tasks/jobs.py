"""Ticks of the job ledger."""

from contextlib import suppress

from celery import shared_task

from strongroom.errors import UnavailableError
from strongroom.jobs.key_holders import forget_silent_holders
from strongroom.jobs.processes import forget_silent, record_tick
from strongroom.jobs.sweeper import sweep
from tasks.process import current
from tasks.running import hand_over

FORGOTTEN_AFTER_SECONDS = 24 * 3600.0


@shared_task(name="jobs.dispatch")
def dispatch() -> int:
    """Hand the jobs that are due to the broker, and return how many; what the watcher waits for."""
    process = current()
    published = hand_over(process)
    with suppress(UnavailableError), process.services.catalog.begin() as session:
        record_tick(session)
    return published


@shared_task(name="jobs.sweep")
def sweep_jobs() -> dict[str, int]:
    """Take jobs back from holders that went silent, and forget processes that have been gone for a day."""
    process = current()
    report = sweep(process.services.ledger)
    with process.services.catalog.begin() as session:
        forget_silent(session, after_seconds=FORGOTTEN_AFTER_SECONDS)
        forget_silent_holders(session, after_seconds=FORGOTTEN_AFTER_SECONDS)
    hand_over(process)
    return {"requeued": len(report.requeued), "dead": len(report.dead), "cancelled": len(report.cancelled)}
