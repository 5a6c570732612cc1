"""Pausing a queue: its jobs wait, in the ledger and durably, while those that run go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.jobs import Job, JobState, PausedQueue
from strongroom.jobs.kinds import Queue


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How many jobs wait in a queue and run from it, and who paused it, when and why, if somebody did."""

    queue: Queue
    waiting: int
    running: int
    paused_at: datetime | None = None
    paused_by: str | None = None
    reason: str | None = None

    @property
    def paused(self) -> bool:
        """Say whether the queue is paused."""
        return self.paused_at is not None


def list_queues(session: Session) -> list[QueueStatus]:
    """Return every queue as it stands, in the order of urgency."""
    counts, pauses = _counts(session), {pause.queue: pause for pause in session.scalars(select(PausedQueue))}
    return [_status(queue, counts, pauses.get(queue)) for queue in Queue]


def pause_queue(session: Session, queue: Queue, *, by: str, reason: str) -> None:
    """Let no further job of the queue begin; a queue that is paused already gets the new reason and keeps its time."""
    insert = insert_of(session)
    said = {"paused_by": by[:120], "reason": reason[:500]}
    statement = insert(PausedQueue).values(queue=queue.value, paused_at=utcnow(), **said)
    session.execute(statement.on_conflict_do_update(index_elements=["queue"], set_=said))


def resume_queue(session: Session, queue: Queue) -> bool:
    """Let the jobs of the queue begin again, and say whether it was paused."""
    resumed = delete(PausedQueue).where(PausedQueue.queue == queue.value).returning(PausedQueue.queue)
    return session.scalar(resumed) is not None


def paused_queues(session: Session) -> set[str]:
    """Return the names of the queues that are paused."""
    return set(session.scalars(select(PausedQueue.queue)))


def _counts(session: Session) -> dict[tuple[str, JobState], int]:
    open_states = (JobState.QUEUED, JobState.RUNNING)
    query = select(Job.queue, Job.state, func.count()).where(Job.state.in_(open_states)).group_by(Job.queue, Job.state)
    return {(queue, state): count for queue, state, count in session.execute(query)}


def _status(queue: Queue, counts: Mapping[tuple[str, JobState], int], pause: PausedQueue | None) -> QueueStatus:
    waiting, running = (counts.get((queue, state), 0) for state in (JobState.QUEUED, JobState.RUNNING))
    if pause is None:
        return QueueStatus(queue, waiting, running)
    return QueueStatus(queue, waiting, running, pause.paused_at, pause.paused_by, pause.reason)
