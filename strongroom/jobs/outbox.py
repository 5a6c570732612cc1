"""Handing due jobs to the broker. The message is a hint; the row is the job."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.errors import UnavailableError
from strongroom.jobs.ledger import Ledger

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobMessage:
    """What travels: which job, where it waits and how urgent it is. Nothing of what the job is about."""

    job_id: uuid.UUID
    kind: str
    queue: str
    priority: int
    trace_id: str


Publish = Callable[[JobMessage], None]
"""Hands a message to the broker within seconds, or raises BrokerUnavailableError. It runs nothing itself."""


def publish_due(ledger: Ledger, publish: Publish, *, limit: int = 100) -> int:
    """Publish up to `limit` jobs that are due and unpublished, or published long ago and still waiting.

    Returns how many went out. Any number of processes may do this at once. Raises BrokerUnavailableError when the
    broker refuses one; that one and the rest stay due.
    """
    count = 0
    while count < limit and _publish_next(ledger, publish, true()):
        count += 1
    return count


def publish_one(ledger: Ledger, publish: Publish, job_id: uuid.UUID) -> bool:
    """Publish a job that was just committed, and say whether it went out; `publish_due` makes up for it if not."""
    try:
        return _publish_next(ledger, publish, Job.id == job_id)
    except UnavailableError as error:
        log.warning("job %s waits in the ledger: %s", job_id, error.what)
        return False


def _publish_next(ledger: Ledger, publish: Publish, which: ColumnElement[bool]) -> bool:
    # The stamp and the hand-over share a transaction: when the hand-over fails, the row is as due as before.
    with ledger.catalog.begin() as session:
        job = _lock_due(session, which)
        if job is None:
            return False
        publish(JobMessage(job.id, job.kind, job.queue, job.priority, job.trace_id))
        job.publish_count += 1
        job.published_at = utcnow()
        job.publish_after = utcnow(ledger.policy.republish_delay(job.publish_count))
        return True


def _lock_due(session: Session, which: ColumnElement[bool]) -> Job | None:
    query = (
        select(Job)
        .where(Job.state == JobState.QUEUED, Job.publish_after <= utcnow(), which)
        .order_by(Job.priority, Job.publish_after)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalar(query)
