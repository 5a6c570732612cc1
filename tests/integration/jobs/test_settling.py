"""How an attempt ends, and what a fault makes of the job."""

import os

from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.failures import UNEXPECTED, JobFailure
from strongroom.jobs.ledger import Ledger
from tests.integration.jobs.staging import change, claimed, make_due

PASSING = JobFailure("storage.unavailable", "The store did not answer.", "Try again.", retryable=True)
PERMANENT = JobFailure("sources.not_found", "There is no such directory.", "Mount it.", retryable=False)


def wait_of(job: Job) -> float:
    assert job.heartbeat_at is not None
    return (job.run_after - job.heartbeat_at).total_seconds()


def test_a_finished_job_keeps_its_result_and_gives_up_its_lease(ledger: Ledger):
    claim = claimed(ledger)

    ledger.finish(claim, {"files": 3})

    stored = ledger.get(claim.job_id)
    assert (stored.state, stored.result, stored.last_error) == (JobState.SUCCEEDED, {"files": 3}, None)
    assert (stored.lease_owner, stored.lease_until) == (None, None)
    assert stored.finished_at is not None


def test_finishing_twice_is_harmless(ledger: Ledger):
    claim = claimed(ledger)
    ledger.finish(claim, {"files": 3})
    first = ledger.get(claim.job_id)

    assert ledger.finish(claim, {"files": 4}) is JobState.SUCCEEDED

    second = ledger.get(claim.job_id)
    assert (second.state, second.result, second.finished_at) == (JobState.SUCCEEDED, {"files": 3}, first.finished_at)


def test_a_passing_fault_queues_the_job_again_unpublished(ledger: Ledger):
    claim = claimed(ledger)
    change(ledger, claim.job_id, publish_count=3, published_at=ledger.get(claim.job_id).created_at)

    job = ledger.fail(claim, PASSING)

    assert (job.state, job.errors, job.lease_until) == (JobState.QUEUED, 1, None)
    assert (job.published_at, job.publish_count, job.publish_after) == (None, 0, job.run_after)
    assert job.last_error == PASSING.as_stored()
    assert job.finished_at is None


def test_the_wait_after_a_fault_is_random_below_a_bound_that_doubles(ledger: Ledger):
    claim = claimed(ledger)
    longest = Ledger(ledger.catalog, ledger.clock, lambda count: b"\xff" * count, ledger.policy)
    shortest = Ledger(ledger.catalog, ledger.clock, bytes, ledger.policy)

    first = wait_of(longest.fail(claim, PASSING))
    make_due(ledger, claim.job_id)
    second = wait_of(longest.fail(claimed(ledger, claim.job_id), PASSING))
    make_due(ledger, claim.job_id)
    third = wait_of(shortest.fail(claimed(ledger, claim.job_id), PASSING))

    assert ledger.policy.retry_base_seconds <= first < 2 * ledger.policy.retry_base_seconds <= second
    assert third < ledger.policy.retry_base_seconds


def test_recording_a_fault_twice_counts_it_once(ledger: Ledger):
    claim = claimed(ledger)
    ledger.fail(claim, PASSING)

    assert ledger.fail(claim, PASSING).errors == 1


def test_a_permanent_fault_ends_the_job(ledger: Ledger):
    claim = claimed(ledger)

    job = ledger.fail(claim, PERMANENT)

    assert (job.state, job.errors) == (JobState.FAILED, 1)
    assert job.last_error == PERMANENT.as_stored()
    assert job.finished_at is not None


def test_an_unforeseen_fault_ends_the_job(ledger: Ledger):
    assert ledger.fail(claimed(ledger), UNEXPECTED).state is JobState.FAILED


def test_one_passing_fault_too_many_ends_the_job(ledger: Ledger):
    claim = claimed(ledger)
    change(ledger, claim.job_id, errors=ledger.policy.max_errors - 2)

    assert ledger.fail(claim, PASSING).state is JobState.QUEUED
    make_due(ledger, claim.job_id)
    assert ledger.fail(claimed(ledger, claim.job_id), PASSING).state is JobState.FAILED


def test_a_released_job_is_due_at_once_and_not_blamed(ledger: Ledger):
    claim = claimed(ledger)

    job = ledger.release(claim)

    assert (job.state, job.errors, job.crashes, job.published_at) == (JobState.QUEUED, 0, 0, None)
    assert claimed(ledger, claim.job_id).attempt == 2


def test_success_after_faults_forgets_the_last_error(ledger: Ledger):
    claim = claimed(ledger)
    ledger.fail(claim, PASSING)
    make_due(ledger, claim.job_id)

    ledger.finish(claimed(ledger, claim.job_id), {})

    job = ledger.get(claim.job_id)
    assert (job.last_error, job.errors) == (None, 1)


def test_a_fault_that_names_a_file_that_is_not_utf8_is_recorded(ledger: Ledger):
    claim = claimed(ledger)
    name = os.fsdecode(b"caf\xe9")
    failure = JobFailure("sources.unreadable", f"{name} cannot be read.", "Look.", retryable=False)

    ledger.fail(claim, failure)

    assert (ledger.get(claim.job_id).last_error or {})["message"] == r"caf\xe9 cannot be read."
