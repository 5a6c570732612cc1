"""One delivery of a job: claimed, run under a lease that is kept alive, and recorded."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.errors import InvalidInputError, UnavailableError
from strongroom.jobs.context import JobContext
from strongroom.jobs.interrupts import JobCancelled, JobWaits
from strongroom.jobs.ledger import Ledger, LedgerPolicy
from strongroom.jobs.progress import JobProgress
from strongroom.jobs.runner import Handler, RunOutcome, run_job
from strongroom.tracing import get_trace_id
from tests.integration.jobs.staging import (
    TRACE_ID,
    CutCatalog,
    HandClock,
    claimed,
    enqueue,
    lapse,
    make_due,
    open_ledger,
)

IMPATIENT = LedgerPolicy(lease_seconds=6.0)


@pytest.fixture
def impatient(catalog_url: str) -> Iterator[Ledger]:
    """The same ledger with leases so short that they are renewed while a test looks on."""
    opened = open_ledger(catalog_url, IMPATIENT)
    yield opened
    opened.catalog.close()


def run(ledger: Ledger, handler: Handler, job_id: Any = None, **options: Any) -> RunOutcome:
    return run_job(ledger, job_id or enqueue(ledger), handler, owner="worker-1", **options)


def succeed(context: JobContext) -> dict[str, Any]:
    return {"attempt": context.attempt}


def test_a_handler_that_returns_ends_its_job_well(ledger: Ledger):
    job_id = enqueue(ledger)

    assert run(ledger, succeed, job_id) is RunOutcome.SUCCEEDED

    job = ledger.get(job_id)
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"attempt": 1})


def test_a_second_delivery_of_the_same_job_does_nothing(ledger: Ledger):
    job_id = enqueue(ledger)
    run(ledger, succeed, job_id)

    assert run(ledger, succeed, job_id) is RunOutcome.SKIPPED
    assert ledger.get(job_id).attempt == 1


def test_the_trace_id_of_the_job_is_bound_while_it_runs(ledger: Ledger):
    seen: list[str | None] = []

    run(ledger, lambda _: {"seen": seen.append(get_trace_id())})

    assert (seen, get_trace_id()) == ([TRACE_ID], None)


def test_the_progress_is_complete_when_the_job_ends(ledger: Ledger):
    job_id = enqueue(ledger)

    def handler(context: JobContext) -> dict[str, Any]:
        for done in (1, 2, 3):
            context.report(JobProgress("reading", done))
        return {}

    run(ledger, handler, job_id)

    assert (ledger.get(job_id).progress or {})["done_bytes"] == 3


def raising(error: BaseException) -> Handler:
    def handler(_: JobContext) -> dict[str, Any]:
        raise error

    return handler


def test_a_passing_fault_is_tried_again(ledger: Ledger):
    job_id = enqueue(ledger)
    fault = UnavailableError("The store did not answer.", next_step="Wait.")

    assert run(ledger, raising(fault), job_id) is RunOutcome.RETRYING
    assert ledger.get(job_id).last_error == {
        "code": "strongroom.unavailable",
        "message": "The store did not answer.",
        "next_step": "Wait.",
        "retryable": True,
        "exit_code": 14,
    }
    make_due(ledger, job_id)
    assert run(ledger, succeed, job_id) is RunOutcome.SUCCEEDED


def test_a_job_that_waits_for_something_elsewhere_goes_on_later_and_its_errors_are_forgotten(ledger: Ledger):
    job_id = enqueue(ledger)
    run(ledger, raising(UnavailableError("Away.", next_step="Wait.")), job_id)
    make_due(ledger, job_id)

    def wait(context: JobContext) -> dict[str, Any]:
        raise JobWaits(3600.0)

    assert run(ledger, wait, job_id) is RunOutcome.WAITING
    job = ledger.get(job_id)
    assert (job.state, job.errors, job.last_error, job.lease_owner) == (JobState.QUEUED, 0, None, None)
    assert run(ledger, succeed, job_id) is RunOutcome.SKIPPED
    make_due(ledger, job_id)
    assert run(ledger, succeed, job_id) is RunOutcome.SUCCEEDED


def test_a_permanent_fault_fails_the_job(ledger: Ledger):
    job_id = enqueue(ledger)

    outcome = run(ledger, raising(InvalidInputError("No such source.", next_step="Declare it.")), job_id)

    assert outcome is RunOutcome.FAILED
    assert ledger.get(job_id).state is JobState.FAILED


def test_an_unforeseen_fault_fails_the_job_and_its_words_stay_in_the_log(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
):
    job_id = enqueue(ledger)

    assert run(ledger, raising(ValueError("row data")), job_id) is RunOutcome.FAILED

    error = ledger.get(job_id).last_error or {}
    assert error["code"] == "jobs.unexpected"
    assert "row data" not in str(error)
    assert "row data" in caplog.text


def test_a_process_that_ends_gives_its_job_back(ledger: Ledger):
    job_id = enqueue(ledger)

    def handler(context: JobContext) -> dict[str, Any]:
        context.check()
        return {}

    assert run(ledger, handler, job_id, stopping=lambda: True) is RunOutcome.RELEASED
    assert ledger.get(job_id).state is JobState.QUEUED
    assert run(ledger, handler, job_id) is RunOutcome.SUCCEEDED


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_gives_the_job_back_and_goes_on(ledger: Ledger, interrupt: type[BaseException]):
    job_id = enqueue(ledger)

    with pytest.raises(interrupt):
        run(ledger, raising(interrupt()), job_id)

    job = ledger.get(job_id)
    assert (job.state, job.errors, job.crashes) == (JobState.QUEUED, 0, 0)


def test_a_running_job_that_is_cancelled_cleans_up_and_ends(impatient: Ledger):
    job_id = enqueue(impatient)
    never = threading.Event()

    def handler(context: JobContext) -> dict[str, Any]:
        impatient.request_cancel(job_id)
        try:
            while not never.wait(0.01):
                context.check()
        except JobCancelled:
            context.step("cleaned up", lambda _: {"done": True})
            raise
        return {}

    assert run(impatient, handler, job_id) is RunOutcome.CANCELLED
    assert impatient.get(job_id).state is JobState.CANCELLED


def test_a_lease_is_renewed_for_as_long_as_the_handler_works(impatient: Ledger):
    job_id = enqueue(impatient)
    first = threading.Event()

    def handler(context: JobContext) -> dict[str, Any]:
        start = impatient.get(job_id).lease_until
        while (impatient.get(job_id).lease_until or start) == start:
            context.check()
            first.wait(0.01)
        return {}

    assert run(impatient, handler, job_id) is RunOutcome.SUCCEEDED


def test_a_renewal_that_did_not_get_through_is_tried_again(impatient: Ledger):
    catalog = CutCatalog(impatient.catalog, after_commit=False)
    cut = Ledger(catalog, impatient.clock, impatient.random, impatient.policy)
    job_id = enqueue(cut)
    pause = threading.Event()

    def handler(context: JobContext) -> dict[str, Any]:
        start = impatient.get(job_id).lease_until
        catalog.cuts = 1
        while (impatient.get(job_id).lease_until or start) == start:
            context.check()
            pause.wait(0.01)
        return {"cuts_left": catalog.cuts}

    assert run(cut, handler, job_id) is RunOutcome.SUCCEEDED
    assert impatient.get(job_id).result == {"cuts_left": 0}


def test_an_attempt_whose_job_was_taken_over_records_nothing(impatient: Ledger):
    job_id = enqueue(impatient)
    never = threading.Event()

    def handler(context: JobContext) -> dict[str, Any]:
        lapse(impatient, job_id)
        claimed(impatient, job_id, "worker-2")
        while not never.wait(0.01):
            context.check()
        return {}

    assert run(impatient, handler, job_id) is RunOutcome.LEASE_LOST
    assert impatient.get(job_id).lease_owner == "worker-2"


def test_a_result_is_not_recorded_once_the_lease_cannot_be_trusted(ledger: Ledger):
    clock = HandClock()
    timed = Ledger(ledger.catalog, clock, ledger.random, ledger.policy)
    job_id = enqueue(timed)

    outcome = run(timed, lambda _: {"slept": clock.sleep(timed.policy.trust_seconds)}, job_id)

    assert outcome is RunOutcome.LEASE_LOST
    assert timed.get(job_id).state is JobState.RUNNING


@pytest.mark.parametrize("after_commit", [False, True])
def test_the_end_is_recorded_although_the_connection_is_cut(ledger: Ledger, after_commit: bool):
    catalog = CutCatalog(ledger.catalog, after_commit=after_commit)
    cut = Ledger(catalog, HandClock(), ledger.random, ledger.policy)
    job_id = enqueue(cut)

    def handler(_: JobContext) -> dict[str, Any]:
        catalog.cuts = 1
        return {"files": 3}

    assert run(cut, handler, job_id) is RunOutcome.SUCCEEDED
    assert ledger.get(job_id).result == {"files": 3}
