"""The glue between a message and the ledger."""

import logging
import uuid
from functools import partial

from celery import current_app
from kombu.exceptions import OperationalError

from strongroom.errors import UnavailableError
from strongroom.ids import InvalidIdError, parse_id
from strongroom.jobs.claiming import Claim
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.outbox import publish_due, publish_next, publish_next_in_line, publish_one
from strongroom.jobs.runner import RunOutcome, run_claimed
from strongroom.runtime import HANDLERS
from tasks.process import Process, current

log = logging.getLogger(__name__)

MOST_MESSAGES = 2000
EARLY_TICK_EXPIRES_SECONDS = 15
INSTANT_SECONDS = 0.05
"""A job that took longer is worth a message, under whose name Flower and `celery inspect` show it."""
TURN_SECONDS = 1.0
"""How long jobs of an instant may follow each other before another queue of the worker has its turn."""

TICKS_AFTER = {JobKind.BACKUP_RUN: "replication.reconcile"}
"""What there is to do as soon as a job of a kind is over."""


def run(job_id: str) -> str:
    """Run one attempt of the job a message names, or of a more urgent one, and return what became of it.

    A message that names nothing to do is dropped. After a job of an instant the next of its kind is worked on at once,
    for a second at most. Jobs that an attempt wrote are handed over by the tick.
    """
    try:
        hint = parse_id(job_id, "job")
    except InvalidIdError as error:
        log.warning("message dropped: %s", error.what)
        return RunOutcome.SKIPPED.value
    process = current()
    claim = _claim(process, hint)
    if claim is None:
        return RunOutcome.SKIPPED.value
    outcome = _run_claimed(process, claim)
    _go_on(process, claim)
    publish_next(process.services.ledger, process.publish, claim.queue)
    return outcome.value


def _claim(process: Process, hint: uuid.UUID) -> Claim | None:
    ledger = process.services.ledger
    claim = ledger.claim(hint, process.owner, process.queues)
    if claim is None:
        job = ledger.find(hint)
        log.info("message dropped: job %s is %s", hint, "unknown" if job is None else f"{job.state}, not to be had now")
    elif claim.job_id != hint:
        log.info("job %s (%s) goes before job %s, which is handed over again", claim.job_id, claim.kind, hint)
        publish_one(ledger, process.publish, hint)
    return claim


def _go_on(process: Process, claim: Claim) -> None:
    """Work on the jobs that are next, as long as they are of one kind and over in an instant."""
    end = claim.asked_at + TURN_SECONDS
    following: Claim | None = claim
    while following is not None and _is_followed(process, following, end):
        following = _claim_next(process, following)
        if following is not None:
            _run_claimed(process, following)


def _is_followed(process: Process, done: Claim, end: float) -> bool:
    now = process.services.ledger.clock.monotonic()
    return now < min(done.asked_at + INSTANT_SECONDS, end) and not process.stopping()


def _claim_next(process: Process, done: Claim) -> Claim | None:
    try:
        return process.services.ledger.claim_next(done, process.owner)
    except UnavailableError as error:
        log.warning("what follows job %s waits in the ledger: %s", done.job_id, error.what)
        return None


def _run_claimed(process: Process, claim: Claim) -> RunOutcome:
    handler = partial(HANDLERS[claim.kind], process.services)
    outcome = run_claimed(process.services.ledger, claim, handler, stopping=process.stopping)
    if outcome is RunOutcome.RELEASED:
        # Another worker need not wait for the tick to go on with it.
        hand_over(process)
    elif claim.exclusion is not None:
        publish_next_in_line(process.services.ledger, process.publish, claim.exclusion)
    if claim.kind in TICKS_AFTER:
        tick_now(TICKS_AFTER[JobKind(claim.kind)])
    return outcome


def hand_over(process: Process) -> int:
    """Publish the jobs that are due and return how many; with a broker that is away they wait for the next tick."""
    try:
        return publish_due(process.services.ledger, process.publish, limit=MOST_MESSAGES)
    except UnavailableError as error:
        log.warning("jobs wait in the ledger: %s", error.what)
        return 0


def tick_now(name: str) -> None:
    """Have a tick come early, because there is something for it to do; without a broker it comes when it comes."""
    try:
        current_app.tasks[name].apply_async(expires=EARLY_TICK_EXPIRES_SECONDS, retry=False)
    except OperationalError as error:
        log.warning("no early tick of %s: %s", name, type(error).__name__)
