"""Messages that went out and that nobody took: the sign that those who should hear them do not."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job
from strongroom.jobs.eligibility import is_due, is_first_in_line, is_free

MOST = 100


@dataclass(frozen=True, slots=True)
class UntakenMessage:
    """A job that could begin, and the number of the message that says so."""

    job_id: uuid.UUID
    publish_count: int


def list_untaken(session: Session, queues: Collection[str]) -> frozenset[UntakenMessage]:
    """Return the messages in the queues whose job is due, kept by nothing, and waits all the same; 100 at most."""
    takeable = (is_due(), is_free(), is_first_in_line(), Job.published_at.is_not(None), Job.queue.in_(queues))
    query = select(Job.id, Job.publish_count).where(*takeable).order_by(Job.id).limit(MOST)
    return frozenset(UntakenMessage(*row) for row in session.execute(query))
