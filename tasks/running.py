"""The glue between a message and the ledger."""

import logging
from functools import partial

from celery import Task
from kombu.exceptions import OperationalError

from strongroom.errors import UnavailableError
from strongroom.ids import parse_id
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.outbox import publish_due
from strongroom.jobs.runner import RunOutcome, run_job
from strongroom.runtime import HANDLERS
from tasks.process import Process, current

log = logging.getLogger(__name__)

MOST_MESSAGES = 2000
EARLY_TICK_EXPIRES_SECONDS = 15


def run(kind: JobKind, job_id: str) -> str:
    """Run one attempt of a job and return what became of it; jobs that it wrote are handed over by the tick."""
    process = current()
    handler = partial(HANDLERS[kind], process.services)
    outcome = run_job(process.services.ledger, parse_id(job_id, "job"), handler, owner=process.owner)
    if outcome is RunOutcome.RELEASED:
        # Another worker need not wait for the tick to go on with it.
        hand_over(process)
    return outcome.value


def hand_over(process: Process) -> int:
    """Publish the jobs that are due and return how many; with a broker that is away they wait for the next tick."""
    try:
        return publish_due(process.services.ledger, process.publish, limit=MOST_MESSAGES)
    except UnavailableError as error:
        log.warning("jobs wait in the ledger: %s", error.what)
        return 0


def tick_now(task: Task) -> None:
    """Have a tick come early, because there is something for it to do; without a broker it comes when it comes."""
    try:
        task.apply_async(expires=EARLY_TICK_EXPIRES_SECONDS, retry=False)
    except OperationalError as error:
        log.warning("no early tick of %s: %s", task.name, type(error).__name__)
