"""Metrics of the ledger, of the processes that work on it, and of Beat."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import Metric
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from strongroom.alerts.ticks import find_tick
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import QUEUED, RETRIED, RUNNING, Job, PausedQueue
from strongroom.jobs.kinds import Queue
from strongroom.jobs.processes import TICKS, ProcessKind, list_alive
from strongroom.metrics import definitions as metric

ALIVE_SECONDS = 60.0
"""Six heartbeats: a process that missed them all is not counted."""


def job_families(session: Session, now: datetime) -> Iterator[Metric]:
    """Yield what is measured of every queue and of the processes."""
    yield from _waiting(session, now)
    running = select(Job.queue, func.count()).where(RUNNING).group_by(Job.queue)
    yield metric.JOBS_RUNNING.family(_of_queues(dict(session.execute(running).tuples().all())))
    retries = select(Job.queue, func.sum(Job.attempt - 1)).where(and_(RETRIED)).group_by(Job.queue)
    yield metric.JOB_RETRIES.family(_of_queues(dict(session.execute(retries).tuples().all())))
    paused = set(session.scalars(select(PausedQueue.queue)))
    yield metric.QUEUE_PAUSED.family({(queue.value,): queue in paused for queue in Queue})
    yield from _processes(list(list_alive(session, within_seconds=ALIVE_SECONDS)))
    tick = find_tick(session, TICKS)
    yield metric.BEAT_TICK.one(None if tick is None else tick.timestamp())


def _waiting(session: Session, now: datetime) -> Iterator[Metric]:
    due = func.min(Job.run_after)
    rows = session.execute(select(Job.queue, func.count(), due).where(QUEUED).group_by(Job.queue)).tuples().all()
    yield metric.JOBS_QUEUED.family(_of_queues({queue: count for queue, count, _ in rows}))
    ages = {queue: max(0.0, (now - oldest).total_seconds()) for queue, _, oldest in rows}
    yield metric.JOB_OLDEST.family(_of_queues(ages))


def _processes(alive: list[Heartbeat]) -> Iterator[Metric]:
    workers = Counter(queue for process in alive for queue in (process.queues or "").split(","))
    yield metric.WORKERS_UP.family(_of_queues(workers))
    kinds = Counter(process.kind for process in alive)
    yield metric.PROCESSES_UP.family({(kind.value,): kinds[kind.value] for kind in ProcessKind})


def _of_queues(values: dict[str, int] | dict[str, float] | Counter[str]) -> dict[tuple[str, ...], float]:
    return {(queue.value,): float(values.get(queue.value, 0)) for queue in Queue}
