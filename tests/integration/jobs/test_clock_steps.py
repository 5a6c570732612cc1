"""Whatever the wall clock of a process does, its jobs run once: the database's and monotonic clocks decide."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import FINAL_STATES, JobState
from strongroom.clock import SystemClock
from strongroom.jobs.context import JobContext
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.outbox import JobMessage, publish_due
from strongroom.jobs.runner import RunOutcome, run_job
from strongroom.jobs.sweeper import SweepReport, sweep
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import enqueue, spawn


class JumpingClock(SystemClock):
    """A wall clock that somebody sets."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400)])
def test_a_wall_clock_that_is_set_changes_nothing_for_a_job(ledger: Ledger, ahead: timedelta):
    clock = JumpingClock()
    jumping = Ledger(ledger.catalog, clock, ledger.random, ledger.policy)
    job_id = enqueue(jumping)

    def handler(context: JobContext) -> dict[str, Any]:
        clock.ahead = ahead
        context.check()
        assert sweep(jumping) == SweepReport()
        context.step("done", lambda _: None)
        return {}

    assert run_job(jumping, job_id, handler, owner="worker-1") is RunOutcome.SUCCEEDED
    job = ledger.get(job_id)
    assert job.finished_at is not None
    assert abs(job.finished_at - job.created_at) < timedelta(minutes=10)


def test_jobs_are_taken_in_the_order_the_database_saw_them_in(ledger: Ledger):
    clock = JumpingClock()
    jumping = Ledger(ledger.catalog, clock, ledger.random, ledger.policy)
    first = enqueue(jumping)
    clock.ahead = timedelta(hours=-1)
    second = enqueue(jumping)

    messages: list[JobMessage] = []
    publish_due(jumping, messages.append)

    assert second < first
    assert [message.job_id for message in messages] == [first, second]


def test_a_worker_in_another_process_whose_clock_is_off_runs_every_job_once(ledger: Ledger, catalog_url: str):
    jobs = [enqueue(ledger) for _ in range(6)]
    worker = spawn.Process(target=rivals.work_by_a_wild_clock, args=(catalog_url,), daemon=True)
    worker.start()
    while any(job.state not in FINAL_STATES for job in ledger.list().items):
        assert worker.is_alive()
        assert sweep(ledger) == SweepReport()
        time.sleep(0.1)
    worker.kill()
    worker.join()

    assert {(job.state, job.attempt) for job in map(ledger.get, jobs)} == {(JobState.SUCCEEDED, 1)}
    with ledger.catalog.read() as session:
        marks = Counter(session.scalars(select(Heartbeat.kind)))
    assert marks == dict.fromkeys(rivals.STEPS, len(jobs))
