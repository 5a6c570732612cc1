"""A probe: a job that goes the way of every job and shows that each part of it works.

It is written to the ledger, handed to the broker, taken by a worker, and ends there. What it leaves behind is
the time each part took, by the database's clock.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.jobs.context import JobContext
from strongroom.jobs.enqueueing import JobRequest
from strongroom.jobs.errors import JobFinishedError
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.queues import paused_queues

SECONDS_BETWEEN_LOOKS = 0.05


class ProbeVerdict(StrEnum):
    """What a probe says about its queue."""

    SERVED = "served"
    """The probe was answered."""
    BUSY = "busy"
    """Not answered in time, but a worker is at work on another job of the queue."""
    PAUSED = "paused"
    """Not answered, because the queue is paused."""
    SILENT = "silent"
    """Not answered in time, and nobody works on a job of the queue."""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What became of the probe of one queue.

    Seconds from the ledger to the broker, from there to a worker, and until the worker was done; None for what did not
    happen.
    """

    queue: Queue
    job_id: uuid.UUID
    verdict: ProbeVerdict
    handed_over: float | None
    taken: float | None
    worked: float | None
    total: float | None


def probe_request(queue: Queue, *, trace_id: str, dedupe_key: str | None = None) -> JobRequest:
    """Return the request for a probe of a queue."""
    return JobRequest(JobKind.QUEUE_PROBE, {"queue": queue.value}, trace_id, dedupe_key, queue=queue)


def run_probe(context: JobContext) -> dict[str, Any]:
    """Answer: the probe has gone the whole way."""
    return {"queue": context.args["queue"], "attempt": context.attempt}


def probe_queues(
    ledger: Ledger,
    queues: Iterable[Queue],
    *,
    seconds: float,
    trace_id: str,
    hand_over: Callable[[Sequence[uuid.UUID]], object] = lambda _: None,
) -> list[ProbeReport]:
    """Probe queues and wait for the answers, `seconds` at most; what is not answered then is cancelled.

    `hand_over` gives the probes to the broker, which the next tick of Beat does otherwise.
    """
    wanted = list(queues)
    with ledger.catalog.begin() as session:
        ids = ledger.enqueue_many(session, [probe_request(queue, trace_id=trace_id) for queue in wanted])
    probes = dict(zip(ids, wanted, strict=True))
    give_up = ledger.clock.monotonic() + seconds
    hand_over(list(ids))
    while _unanswered(jobs := _look(ledger, probes)) and ledger.clock.monotonic() < give_up:
        ledger.clock.sleep(SECONDS_BETWEEN_LOOKS)
    for job in _unanswered(jobs):
        # It may be answered at this very moment.
        with suppress(JobFinishedError):
            ledger.request_cancel(job.id)
    verdicts = _verdicts(ledger, probes)
    return [_report(probes[job.id], job, verdicts) for job in jobs]


def _look(ledger: Ledger, probes: Mapping[uuid.UUID, Queue]) -> Sequence[Job]:
    with ledger.catalog.read() as session:
        return session.scalars(select(Job).where(Job.id.in_(probes)).order_by(Job.id)).all()


def _unanswered(jobs: Sequence[Job]) -> list[Job]:
    return [job for job in jobs if job.state not in FINAL_STATES]


def _verdicts(ledger: Ledger, probes: Mapping[uuid.UUID, Queue]) -> dict[str, ProbeVerdict]:
    """Return why a queue may not have answered: it has a job, other than the probes, whose holder is alive; a pause."""
    held = select(Job.queue).where(Job.state == JobState.RUNNING, Job.lease_until > utcnow(), Job.id.not_in(probes))
    with ledger.catalog.read() as session:
        busy = dict.fromkeys(session.scalars(held.distinct()), ProbeVerdict.BUSY)
        return busy | dict.fromkeys(paused_queues(session), ProbeVerdict.PAUSED)


def _report(queue: Queue, job: Job, verdicts: Mapping[str, ProbeVerdict]) -> ProbeReport:
    verdict = verdicts.get(queue, ProbeVerdict.SILENT)
    parts = (
        _between(job.created_at, job.published_at),
        # Who runs a job without a broker takes it before it is handed over.
        _between(job.published_at or job.created_at, job.started_at),
        _between(job.started_at, job.finished_at),
    )
    if job.state is JobState.SUCCEEDED:
        verdict = ProbeVerdict.SERVED
    return ProbeReport(queue, job.id, verdict, *parts, total=_between(job.created_at, job.finished_at))


def _between(start: datetime | None, end: datetime | None) -> float | None:
    # A hand-over is stamped after it happened, so a quick worker may seem to come before.
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())
