"""A job can be called off while it waits and while it runs, but not once it is over."""

import uuid

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.jobs.errors import JobFinishedError, JobNotFoundError
from strongroom.jobs.failures import UNEXPECTED, JobFailure
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.wishes import Wishes
from tests.integration.jobs.staging import at_once, claimed, enqueue

PASSING = JobFailure("storage.unavailable", "The store did not answer.", "Try again.", retryable=True)


def test_a_waiting_job_is_cancelled_at_once(ledger: Ledger):
    job_id = enqueue(ledger)

    job = ledger.request_cancel(job_id)

    assert job.state is JobState.CANCELLED
    assert job.finished_at is not None
    assert ledger.claim(job_id, "worker-1") is None


def test_a_running_job_learns_of_it_with_its_next_renewal(ledger: Ledger):
    claim = claimed(ledger)

    job = ledger.request_cancel(claim.job_id)

    assert job.state is JobState.RUNNING
    assert ledger.renew(claim) == Wishes(cancel=True)
    assert ledger.cancel(claim).state is JobState.CANCELLED


def test_cancelling_twice_is_harmless(ledger: Ledger):
    job_id = enqueue(ledger)
    ledger.request_cancel(job_id)

    assert ledger.request_cancel(job_id).state is JobState.CANCELLED


def test_a_job_to_be_cancelled_is_not_tried_again_after_a_fault(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_cancel(claim.job_id)

    assert ledger.fail(claim, PASSING).state is JobState.CANCELLED


def test_a_job_to_be_cancelled_is_not_queued_again_by_a_shutdown(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_cancel(claim.job_id)

    assert ledger.release(claim).state is JobState.CANCELLED


def test_work_that_was_done_before_the_wish_arrived_counts(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_cancel(claim.job_id)

    assert ledger.finish(claim, {}) is JobState.SUCCEEDED


def test_a_job_that_has_ended_is_not_cancelled(ledger: Ledger):
    succeeded, failed = claimed(ledger), claimed(ledger)
    ledger.finish(succeeded, {})
    ledger.fail(failed, UNEXPECTED)

    for claim in (succeeded, failed):
        with pytest.raises(JobFinishedError):
            ledger.request_cancel(claim.job_id)


def test_a_job_that_does_not_exist_is_not_cancelled(ledger: Ledger):
    with pytest.raises(JobNotFoundError):
        ledger.request_cancel(uuid.uuid4())


def test_a_job_is_either_claimed_or_cancelled_when_both_happen_at_once(ledger: Ledger):
    for job_id in [enqueue(ledger) for _ in range(10)]:
        actions = (
            lambda chosen=job_id: ledger.claim(chosen, "worker-1"),
            lambda chosen=job_id: ledger.request_cancel(chosen),
        )

        claim, cancelled = at_once(2, lambda number, both=actions: both[number]())

        assert cancelled.state is (JobState.RUNNING if claim else JobState.CANCELLED)
        assert ledger.get(job_id).cancel_requested
