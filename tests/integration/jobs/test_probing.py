"""A probe says of a queue whether somebody serves it, and how long each part of the way took."""

import threading

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.outbox import JobMessage, publish_due
from strongroom.jobs.probing import ProbeVerdict, probe_queues, run_probe
from strongroom.jobs.runner import run_job
from tests.integration.jobs.staging import TRACE_ID, HandClock, claimed, enqueue, request


@pytest.fixture
def hasty(ledger: Ledger) -> Ledger:
    """The same ledger with a clock that passes by itself as soon as somebody waits."""
    return Ledger(ledger.catalog, HandClock(), ledger.random, ledger.policy)


def answer(ledger: Ledger, queue: Queue) -> None:
    """Serve a queue as a worker does, until its probe is done."""
    messages: list[JobMessage] = []
    while not messages:
        publish_due(ledger, messages.append)
    (job_id,) = [message.job_id for message in messages if message.queue == queue]
    run_job(ledger, job_id, run_probe, owner="worker-1")


def test_a_queue_that_is_served_answers_with_its_times(ledger: Ledger):
    worker = threading.Thread(target=answer, args=(ledger, Queue.RESTORE))
    worker.start()

    (report,) = probe_queues(ledger, [Queue.RESTORE], seconds=60, trace_id=TRACE_ID)

    worker.join()
    assert (report.queue, report.verdict) == (Queue.RESTORE, ProbeVerdict.SERVED)
    parts = (report.handed_over, report.taken, report.worked)
    assert all(part is not None and part >= 0 for part in parts)
    assert report.total is not None
    job = ledger.get(report.job_id)
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"queue": "restore", "attempt": 1})


def test_a_queue_that_nobody_serves_is_silent_and_its_probe_does_not_stay(hasty: Ledger):
    (report,) = probe_queues(hasty, [Queue.BACKUP], seconds=5, trace_id=TRACE_ID)

    assert (report.verdict, report.handed_over, report.taken) == (ProbeVerdict.SILENT, None, None)
    assert hasty.get(report.job_id).state is JobState.CANCELLED


def test_a_queue_whose_workers_are_at_work_is_busy(hasty: Ledger):
    claimed(hasty, enqueue(hasty, request(JobKind.BACKUP_RUN)))

    reports = probe_queues(hasty, [Queue.BACKUP, Queue.COPY], seconds=5, trace_id=TRACE_ID)

    assert {report.queue: report.verdict for report in reports} == {
        Queue.BACKUP: ProbeVerdict.BUSY,
        Queue.COPY: ProbeVerdict.SILENT,
    }
