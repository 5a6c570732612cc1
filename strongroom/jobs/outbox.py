"""Handing due jobs to the broker. The message is a hint; the row is the job.

A message wakes a worker up, which then takes what is most urgent. So a queue in which thousands of jobs wait has a few
messages out at a time, and whoever is done with a job hands the next one over.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal, select, true, update
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.clock import Clock
from strongroom.errors import UnavailableError
from strongroom.jobs.eligibility import in_state, is_due, is_first_in_line, is_free
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.policy import LedgerPolicy

log = logging.getLogger(__name__)

AHEAD = 25
"""Messages that may be out for a queue, and jobs handed over in one transaction.

Whoever takes a message waits until the transaction that sent it ends. Two that hand over at the same moment may send
twice as many; one that is not needed costs a look at its job.
"""

BATCH_SECONDS = 2.0
"""When a batch ends whatever is left of it: on SQLite its transaction keeps every other writer waiting."""

UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class JobMessage:
    """What travels: which job, where it waits and how urgent it is. Nothing of what the job is about."""

    job_id: uuid.UUID
    kind: str
    queue: str
    priority: int
    trace_id: str
    request_id: str | None = None


Publish = Callable[[JobMessage], None]
"""Hands a message to the broker within seconds, or raises BrokerUnavailableError. It runs nothing itself."""


def publish_due(ledger: Ledger, publish: Publish, *, limit: int = 1000) -> int:
    """Publish up to `limit` jobs that are due and unpublished, or published long ago and still waiting.

    Returns how many went out. Any number of processes may do this at once. Raises BrokerUnavailableError when the
    broker refuses one; that one and the rest stay due.
    """
    count = 0
    while count < limit:
        size = min(AHEAD, limit - count)
        published = _publish_batch(ledger, publish, true(), size)
        count += published
        if published < size:
            break
    return count


def publish_next(ledger: Ledger, publish: Publish, queue: str) -> bool:
    """Publish the job whose turn it is in a queue, for a message that is used up, and say whether one went out."""
    try:
        return _publish_batch(ledger, publish, Job.queue == queue, 1) == 1
    except UnavailableError as error:
        log.warning("the next job of queue %s waits in the ledger: %s", queue, error.what)
        return False


def publish_one(ledger: Ledger, publish: Publish, job_id: uuid.UUID) -> bool:
    """Publish a job that was just committed, and say whether it went out; `publish_due` makes up for it if not."""
    return publish_these(ledger, publish, [job_id]) == 1


def publish_next_in_line(ledger: Ledger, publish: Publish, exclusion: str) -> bool:
    """Publish the job that waited longest for a key that was just given up, and say whether one went out."""
    try:
        return _publish_batch(ledger, publish, Job.exclusion == exclusion, 1) == 1
    except UnavailableError as error:
        log.warning("the next job of %s waits in the ledger: %s", exclusion, error.what)
        return False


def publish_these(ledger: Ledger, publish: Publish, job_ids: Collection[uuid.UUID]) -> int:
    """Publish jobs that were just committed and return how many went out; `publish_due` makes up for the rest."""
    count, published = 0, AHEAD
    try:
        while published == AHEAD:
            published = _publish_batch(ledger, publish, Job.id.in_(job_ids), AHEAD)
            count += published
    except UnavailableError as error:
        log.warning("%d jobs wait in the ledger: %s", len(job_ids) - count, error.what)
    return count


def _publish_batch(ledger: Ledger, publish: Publish, which: ColumnElement[bool], limit: int) -> int:
    # The stamps and the hand-over share a transaction: what was not handed over is as due as before. A message whose
    # stamp got lost is sent once more, and the second one finds its job taken.
    with ledger.catalog.begin() as session:
        taken, refusal = _send(_lock_due(session, which, limit), publish, ledger.clock)
        _stamp(session, taken, ledger.policy)
    if refusal is not None:
        raise refusal
    return len(taken)


def _send(
    jobs: Iterable[Row[Any]], publish: Publish, clock: Clock
) -> tuple[list[Row[Any]], BrokerUnavailableError | None]:
    """Send messages until the broker refuses one or the time is up; return what was taken, and the refusal."""
    taken: list[Row[Any]] = []
    until = clock.monotonic() + BATCH_SECONDS
    for job in jobs:
        try:
            publish(JobMessage(job.id, job.kind, job.queue, job.priority, job.trace_id, job.request_id))
        except BrokerUnavailableError as error:
            return taken, error
        taken.append(job)
        if clock.monotonic() >= until:
            break
    return taken, None


def _stamp(session: Session, taken: Sequence[Row[Any]], policy: LedgerPolicy) -> None:
    """Note that the messages went out, and when to send them again if nobody answers."""
    by_count = defaultdict(list)
    for job in taken:
        by_count[job.publish_count + 1].append(job.id)
    for count, ids in by_count.items():
        again = utcnow(policy.republish_delay(count))
        values = {"publish_count": count, "published_at": utcnow(), "publish_after": again}
        session.execute(update(Job).where(Job.id.in_(ids)).values(values), execution_options=UNSYNCHRONIZED)


def _full_queues() -> Select[tuple[str]]:
    """Select the queues with enough messages that are out and may still be answered."""
    out = select(Job.queue).where(in_state(Job, JobState.QUEUED), Job.published_at.is_not(None))
    return out.where(Job.publish_after > utcnow()).group_by(Job.queue).having(func.count() >= AHEAD)


def _lock_due(session: Session, which: ColumnElement[bool], limit: int) -> Sequence[Row[Any]]:
    query = (
        select(Job.id, Job.kind, Job.queue, Job.priority, Job.trace_id, Job.request_id, Job.publish_count)
        .where(Job.publish_after <= utcnow(), is_due(), is_free(), is_first_in_line(), which)
        .where(Job.queue.not_in(_full_queues()), Job.publish_count >= literal(0, literal_execute=True))
        .order_by(Job.priority, Job.publish_after)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.execute(query).all()
