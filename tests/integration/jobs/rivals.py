"""What rival processes do; at the top of a module, so that a spawned process finds it."""

import os
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import JobState
from strongroom.clock import SystemClock
from strongroom.jobs.context import JobContext
from strongroom.jobs.ledger import Ledger, LedgerPolicy
from strongroom.jobs.outbox import JobMessage, publish_due
from strongroom.jobs.runner import run_job
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs.staging import open_ledger, request


def claim(answers: Any, start: Any, url: str, job_ids: list[uuid.UUID]) -> None:
    ledger = open_ledger(url)
    ledger.find(job_ids[0])
    start.wait()
    answers.put([job_id for job_id in job_ids if ledger.claim(job_id, f"process-{os.getpid()}")])


def enqueue(answers: Any, start: Any, url: str, key: str) -> None:
    ledger = open_ledger(url)
    ledger.find(uuid.uuid4())
    start.wait()
    with ledger.catalog.begin() as session:
        answers.put(ledger.enqueue(session, request(key=key)).id)


def sweep_all(answers: Any, start: Any, url: str) -> None:
    ledger = open_ledger(url)
    ledger.find(uuid.uuid4())
    start.wait()
    answers.put(sweep(ledger))


def publish_all(answers: Any, start: Any, url: str) -> None:
    ledger = open_ledger(url)
    ledger.find(uuid.uuid4())
    published: list[JobMessage] = []
    start.wait()
    publish_due(ledger, published.append)
    answers.put([message.job_id for message in published])


STEPS = ("step-1", "step-2", "step-3")


class WildClock(SystemClock):
    """A wall clock that is somewhere else each time it is asked."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=random.uniform(-1000, 1000))


def work_by_a_wild_clock(url: str) -> None:
    """Work as `work` does, in a process whose wall clock jumps all the time, by far more than a lease."""
    ledger = open_ledger(url, LedgerPolicy(lease_seconds=20.0, look_seconds=0.1))
    work_on(Ledger(ledger.catalog, WildClock(), ledger.random, ledger.policy))


def work(url: str, policy: LedgerPolicy) -> None:
    """Work like a worker without a broker: look for queued jobs and run them, until killed."""
    work_on(open_ledger(url, policy))


def work_on(ledger: Ledger) -> None:
    while True:
        for job in ledger.list(state=JobState.QUEUED, limit=500).items:
            run_job(ledger, job.id, take_steps, owner=f"process-{os.getpid()}")
        time.sleep(0.02)


def take_steps(context: JobContext) -> dict[str, Any]:
    for step in STEPS:
        time.sleep(random.uniform(0.0, 0.2))
        context.check()
        context.step(step, lambda session, kind=step: leave_mark(session, context, kind))
    return {}


def leave_mark(session: Session, context: JobContext, kind: str) -> None:
    """Write one row more each time it is called; a frozen or killed process may be anywhere in here."""
    now = datetime.now(UTC)
    row = Heartbeat(name=str(uuid.uuid4()), kind=kind, host=str(context.job_id), pid=1, started_at=now, beat_at=now)
    session.add(row)
    session.flush()
    time.sleep(random.uniform(0.0, 0.02))
