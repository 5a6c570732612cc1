"""A queue that is paused lets no job begin; a job that is paused rests with what it has done."""

import threading
from typing import Any

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.jobs.context import JobContext
from strongroom.jobs.errors import JobFinishedError, JobNotFoundError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import Ledger, LedgerPolicy
from strongroom.jobs.outbox import JobMessage, publish_due
from strongroom.jobs.queues import list_queues, pause_queue, resume_queue
from strongroom.jobs.runner import RunOutcome, run_job
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs.staging import LONG_AGO, at_once, change, claimed, enqueue, lapse, open_ledger, request


def hold(ledger: Ledger, queue: Queue = Queue.BACKUP, reason: str = "disk change") -> None:
    with ledger.catalog.begin() as session:
        pause_queue(session, queue, by="ada@host", reason=reason)


def let_go(ledger: Ledger, queue: Queue = Queue.BACKUP) -> bool:
    with ledger.catalog.begin() as session:
        return resume_queue(session, queue)


def published(ledger: Ledger) -> list[Any]:
    messages: list[JobMessage] = []
    publish_due(ledger, messages.append)
    return [message.job_id for message in messages]


def test_a_paused_queue_publishes_and_begins_nothing(ledger: Ledger):
    backup, copy = enqueue(ledger), enqueue(ledger, request(JobKind.REPLICATION_COPY))
    hold(ledger)

    assert published(ledger) == [copy]
    assert ledger.claim(backup, "worker-1") is None
    assert ledger.claim(copy, "worker-1", frozenset({"backup", "copy"})) is not None


def test_a_job_that_runs_from_a_paused_queue_goes_on(ledger: Ledger):
    claim = claimed(ledger)
    hold(ledger)

    ledger.renew(claim)
    assert ledger.finish(claim, {}) is JobState.SUCCEEDED


def test_a_message_that_came_while_the_queue_was_paused_is_sent_again_at_once_afterwards(ledger: Ledger):
    job_id = enqueue(ledger)
    assert published(ledger) == [job_id]
    hold(ledger)
    assert ledger.claim(job_id, "worker-1") is None
    assert published(ledger) == []

    assert let_go(ledger)

    assert published(ledger) == [job_id]
    assert ledger.claim(job_id, "worker-1") is not None


def test_a_queue_says_who_paused_it_when_and_why(ledger: Ledger):
    enqueue(ledger)
    claimed(ledger)
    hold(ledger, reason="disk change")
    hold(ledger, reason="the new disk is late")

    with ledger.catalog.read() as session:
        found = {status.queue: status for status in list_queues(session)}

    backup = found[Queue.BACKUP]
    assert (backup.waiting, backup.running, backup.paused) == (1, 1, True)
    assert (backup.paused_by, backup.reason) == ("ada@host", "the new disk is late")
    assert set(found) == set(Queue)
    assert not found[Queue.COPY].paused


def test_resuming_a_queue_that_is_not_paused_changes_nothing(ledger: Ledger):
    assert not let_go(ledger)


def test_pausing_from_several_places_at_once_is_one_pause(ledger: Ledger):
    at_once(6, lambda _: hold(ledger))

    assert let_go(ledger)
    assert not let_go(ledger)


def test_a_waiting_job_is_paused_at_once_and_queued_when_resumed(ledger: Ledger):
    job_id = enqueue(ledger)

    assert ledger.request_pause(job_id).state is JobState.PAUSED
    assert (ledger.claim(job_id, "worker-1"), published(ledger), sweep(ledger).requeued) == (None, [], ())

    assert ledger.resume(job_id).state is JobState.QUEUED
    assert published(ledger) == [job_id]
    assert ledger.claim(job_id, "worker-1") is not None


def test_a_running_job_pauses_at_its_next_check_and_keeps_its_cursor(catalog_url: str):
    ledger = open_ledger(catalog_url, LedgerPolicy(look_seconds=0.02))
    job_id = enqueue(ledger)
    never = threading.Event()

    def first(context: JobContext) -> dict[str, Any]:
        context.save_cursor({"next": 7})
        assert ledger.request_pause(job_id).state is JobState.RUNNING
        while not never.wait(0.01):
            context.check()
        return {}

    assert run_job(ledger, job_id, first, owner="worker-1") is RunOutcome.PAUSED
    job = ledger.get(job_id)
    assert (job.state, job.lease_until, job.errors, job.crashes, job.pause_requested) == ("paused", None, 0, 0, False)

    ledger.resume(job_id)
    assert run_job(ledger, job_id, lambda context: context.cursor or {}, owner="worker-2") is RunOutcome.SUCCEEDED
    assert ledger.get(job_id).result == {"next": 7}
    ledger.catalog.close()


def test_a_job_that_is_resumed_before_it_paused_goes_on(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_pause(claim.job_id)

    assert ledger.resume(claim.job_id).state is JobState.RUNNING
    assert not ledger.renew(claim).pause
    assert ledger.release(claim).state is JobState.QUEUED


def test_a_job_to_be_paused_rests_however_its_attempt_ends(ledger: Ledger):
    released, failed, vanished = claimed(ledger), claimed(ledger), claimed(ledger)
    for claim in (released, failed, vanished):
        ledger.request_pause(claim.job_id)
    lapse(ledger, vanished.job_id)

    ledger.release(released)
    ledger.fail(failed, JobFailure("storage.unavailable", "No answer.", "Wait.", retryable=True))
    assert ledger.claim(vanished.job_id, "worker-2") is None
    assert sweep(ledger).paused == (vanished.job_id,)

    assert {ledger.get(claim.job_id).state for claim in (released, failed, vanished)} == {JobState.PAUSED}


def test_a_job_to_be_paused_that_is_done_has_succeeded(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_pause(claim.job_id)

    assert ledger.finish(claim, {}) is JobState.SUCCEEDED


def test_cancelling_goes_before_pausing(ledger: Ledger):
    claim, resting = claimed(ledger), enqueue(ledger)
    ledger.request_pause(claim.job_id)
    ledger.request_cancel(claim.job_id)
    ledger.request_pause(resting)

    assert ledger.release(claim).state is JobState.CANCELLED
    assert ledger.request_cancel(resting).state is JobState.CANCELLED


def test_pausing_a_paused_job_and_resuming_a_queued_one_change_nothing(ledger: Ledger):
    job_id = enqueue(ledger)
    assert ledger.resume(job_id).state is JobState.QUEUED
    ledger.request_pause(job_id)
    assert ledger.request_pause(job_id).state is JobState.PAUSED


@pytest.mark.parametrize("wish", [Ledger.request_pause, Ledger.resume])
def test_a_job_that_is_over_is_neither_paused_nor_resumed(ledger: Ledger, wish: Any):
    claim = claimed(ledger)
    ledger.finish(claim, {})

    with pytest.raises(JobFinishedError):
        wish(ledger, claim.job_id)
    with pytest.raises(JobNotFoundError):
        wish(ledger, claim.job_id.__class__(int=1))


def test_a_paused_job_keeps_its_deadline(ledger: Ledger):
    job_id = enqueue(ledger)
    ledger.request_pause(job_id)
    change(ledger, job_id, deadline_at=LONG_AGO)

    assert sweep(ledger).expired == (job_id,)
