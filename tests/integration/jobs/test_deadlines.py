"""A job with a deadline is over by then, wherever it stands, by the database's clock."""

import threading
from typing import Any

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.jobs.context import JobContext
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger, LedgerPolicy
from strongroom.jobs.outbox import publish_due
from strongroom.jobs.runner import RunOutcome, run_job
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs.staging import (
    FAR_AHEAD,
    LONG_AGO,
    TRACE_ID,
    HandClock,
    change,
    claimed,
    enqueue,
    lapse,
    make_due,
    open_ledger,
    request,
)

NO_ANSWER = JobFailure("storage.unavailable", "No answer.", "Wait.", retryable=True)


def within(seconds: float, *, key: str | None = None) -> JobRequest:
    return JobRequest(JobKind.BACKUP_RUN, {"source": "photos"}, TRACE_ID, key, deadline_seconds=seconds)


def code_of(ledger: Ledger, job_id: Any) -> str:
    return (ledger.get(job_id).last_error or {})["code"]


def test_a_request_may_say_within_how_long_it_has_to_be_over(ledger: Ledger):
    job = ledger.get(enqueue(ledger, within(90)))

    assert job.deadline_at is not None
    assert (job.deadline_at - job.created_at).total_seconds() == 90


def test_a_kind_may_have_a_deadline_that_a_request_overrides(catalog_url: str):
    ledger = open_ledger(catalog_url, LedgerPolicy(deadlines={JobKind.BACKUP_RUN: 3600}))

    usual, own, other = (
        ledger.get(enqueue(ledger, wanted)) for wanted in (request(), within(90), request(JobKind.RESTORE_RUN))
    )

    assert usual.deadline_at is not None
    assert own.deadline_at is not None
    assert (usual.deadline_at - usual.created_at).total_seconds() == 3600
    assert (own.deadline_at - own.created_at).total_seconds() == 90
    assert other.deadline_at is None
    ledger.catalog.close()


def test_a_waiting_job_past_its_deadline_is_neither_claimed_nor_published(ledger: Ledger):
    job_id = enqueue(ledger)
    change(ledger, job_id, deadline_at=LONG_AGO)

    assert ledger.claim(job_id, "worker-1") is None
    assert publish_due(ledger, lambda message: pytest.fail(str(message))) == 0


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.PAUSED])
def test_the_sweeper_ends_what_waits_past_its_deadline(ledger: Ledger, state: JobState):
    late, early, free = enqueue(ledger), enqueue(ledger), enqueue(ledger)
    change(ledger, late, state=state, deadline_at=LONG_AGO)
    change(ledger, early, state=state, deadline_at=FAR_AHEAD)

    assert sweep(ledger).expired == (late,)

    assert (ledger.get(late).state, code_of(ledger, late)) == (JobState.FAILED, "jobs.deadline_missed")
    assert ledger.get(late).finished_at is not None
    assert (ledger.get(early).state, ledger.get(free).state) == (state, JobState.QUEUED)


def test_a_silent_job_past_its_deadline_ends_in_one_sweep(ledger: Ledger):
    claim = claimed(ledger)
    lapse(ledger, claim.job_id)
    change(ledger, claim.job_id, deadline_at=LONG_AGO)

    assert ledger.claim(claim.job_id, "worker-2") is None
    report = sweep(ledger)

    assert (report.requeued, report.expired) == ((), (claim.job_id,))


def test_a_running_attempt_stops_at_its_next_check_by_its_own_clock(ledger: Ledger):
    clock = HandClock()
    timed = Ledger(ledger.catalog, clock, ledger.random, ledger.policy)
    job_id = enqueue(timed, within(20))
    checked: list[float] = []

    def handler(context: JobContext) -> dict[str, Any]:
        for _ in range(30):
            context.check()
            checked.append(clock.monotonic())
            clock.sleep(1)
        return {}

    assert run_job(timed, job_id, handler, owner="worker-1") is RunOutcome.FAILED

    assert 19 <= len(checked) <= 21
    assert code_of(ledger, job_id) == "jobs.deadline_missed"
    assert ledger.get(job_id).state is JobState.FAILED


def test_a_deadline_that_is_set_while_the_job_runs_is_heard_of(catalog_url: str):
    ledger = open_ledger(catalog_url, LedgerPolicy(look_seconds=0.02))
    job_id = enqueue(ledger)
    never = threading.Event()

    def handler(context: JobContext) -> dict[str, Any]:
        change(ledger, job_id, deadline_at=LONG_AGO)
        while not never.wait(0.01):
            context.check()
        return {}

    assert run_job(ledger, job_id, handler, owner="worker-1") is RunOutcome.FAILED
    assert code_of(ledger, job_id) == "jobs.deadline_missed"
    ledger.catalog.close()


def test_a_result_that_is_there_before_anybody_looked_counts(ledger: Ledger):
    claim = claimed(ledger, enqueue(ledger, within(3600)))
    change(ledger, claim.job_id, deadline_at=LONG_AGO)

    assert ledger.finish(claim, {"files": 3}) is JobState.SUCCEEDED


def test_a_retry_is_never_later_than_the_deadline(ledger: Ledger):
    for _ in range(20):
        claim = claimed(ledger, enqueue(ledger, within(2)))
        job = ledger.fail(claim, NO_ANSWER)
        assert job.deadline_at is not None
        assert job.run_after <= job.deadline_at


def test_a_passing_fault_past_the_deadline_is_the_last(ledger: Ledger):
    claim = claimed(ledger, enqueue(ledger, within(3600)))
    change(ledger, claim.job_id, deadline_at=LONG_AGO)

    job = ledger.fail(claim, NO_ANSWER)

    assert (job.state, code_of(ledger, claim.job_id)) == (JobState.FAILED, "storage.unavailable")


def test_a_job_that_was_tried_in_vain_says_what_kept_it(ledger: Ledger):
    claim = claimed(ledger, enqueue(ledger, within(3600)))
    ledger.fail(claim, NO_ANSWER)
    change(ledger, claim.job_id, deadline_at=LONG_AGO)

    sweep(ledger)

    assert "storage.unavailable" in (ledger.get(claim.job_id).last_error or {})["message"]


def test_the_same_key_with_another_deadline_is_another_request(ledger: Ledger):
    first = enqueue(ledger, within(90, key="monday"))

    assert enqueue(ledger, within(90, key="monday")) == first
    with pytest.raises(Exception, match="something else"):
        enqueue(ledger, within(60, key="monday"))


def test_a_job_without_a_deadline_waits_for_ever(ledger: Ledger):
    job_id = enqueue(ledger)
    change(ledger, job_id, created_at=LONG_AGO)
    make_due(ledger, job_id)

    assert sweep(ledger).expired == ()
    assert ledger.claim(job_id, "worker-1") is not None
