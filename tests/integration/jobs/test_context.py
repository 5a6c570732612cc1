"""What a handler can ask and record while it holds its job."""

from dataclasses import dataclass

import pytest

from strongroom.jobs.claiming import Claim
from strongroom.jobs.context import JobContext
from strongroom.jobs.interrupts import JobCancelled, LeaseLost, ShutdownRequested
from strongroom.jobs.lease import Lease
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.progress import JobProgress
from tests.integration.jobs.staging import TRACE_ID, CutCatalog, HandClock, claimed, enqueue, lapse, request


@dataclass
class Attempt:
    """A context whose clock, lease and wish to stop are in the test's hands; nothing renews the lease."""

    ledger: Ledger
    clock: HandClock
    claim: Claim
    lease: Lease
    context: JobContext
    stopping: bool = False


@pytest.fixture
def attempt(ledger: Ledger) -> Attempt:
    clock = HandClock()
    timed = Ledger(CutCatalog(ledger.catalog, after_commit=False), clock, ledger.random, ledger.policy)
    claim = claimed(timed, enqueue(timed, request(source="photos")))
    lease = Lease(timed, claim)
    made: list[Attempt] = []
    made.append(Attempt(timed, clock, claim, lease, JobContext(timed, claim, lease, lambda: made[0].stopping)))
    return made[0]


def cut(attempt: Attempt, times: int) -> None:
    assert isinstance(attempt.ledger.catalog, CutCatalog)
    attempt.ledger.catalog.cuts = times


def progress_of(attempt: Attempt) -> dict[str, object]:
    return attempt.ledger.get(attempt.claim.job_id).progress or {}


def test_a_context_says_what_the_job_is(attempt: Attempt):
    context = attempt.context

    assert (context.job_id, context.args) == (attempt.claim.job_id, {"source": "photos"})
    assert (context.attempt, context.trace_id, context.cursor) == (1, TRACE_ID, None)


def test_work_goes_on_while_the_lease_is_trusted(attempt: Attempt):
    attempt.clock.sleep(attempt.ledger.policy.trust_seconds - 0.01)

    attempt.context.check()


def test_a_holder_stops_by_its_own_clock_before_the_lease_ends(attempt: Attempt):
    attempt.clock.sleep(attempt.ledger.policy.trust_seconds)

    with pytest.raises(LeaseLost):
        attempt.context.check()
    with pytest.raises(LeaseLost):
        attempt.context.step("late", lambda _: None)
    with pytest.raises(LeaseLost):
        attempt.context.report(JobProgress("late"))
    assert attempt.ledger.policy.trust_seconds < attempt.ledger.policy.lease_seconds


def test_a_process_that_wants_to_end_is_heard(attempt: Attempt):
    attempt.stopping = True

    with pytest.raises(ShutdownRequested):
        attempt.context.check()


def test_interrupts_are_not_swallowed_by_a_broad_except():
    assert not any(issubclass(kind, Exception) for kind in (LeaseLost, JobCancelled, ShutdownRequested))


def test_a_cursor_is_there_for_this_attempt_and_the_next(attempt: Attempt):
    attempt.context.save_cursor({"next": 7})

    assert attempt.context.cursor == {"next": 7}
    lapse(attempt.ledger, attempt.claim.job_id)
    assert claimed(attempt.ledger, attempt.claim.job_id).cursor == {"next": 7}


def test_a_cursor_is_saved_again_when_the_connection_was_cut(attempt: Attempt):
    cut(attempt, 3)

    attempt.context.save_cursor({"next": 7})

    assert attempt.ledger.get(attempt.claim.job_id).cursor == {"next": 7}


def test_progress_shows_pace_and_time_left(attempt: Attempt):
    attempt.context.report(JobProgress("reading", 0, 1000, 0))
    attempt.clock.sleep(2)
    attempt.context.report(JobProgress("reading", 200, 1000, 3))

    assert progress_of(attempt) == {
        "phase": "reading",
        "done_bytes": 200,
        "total_bytes": 1000,
        "files": 3,
        "rows": 0,
        "bytes_per_second": 100,
        "seconds_left": 8,
    }


def test_progress_is_written_once_a_second_and_when_the_phase_changes(attempt: Attempt):
    attempt.context.report(JobProgress("reading", 1))
    attempt.clock.sleep(0.5)
    attempt.context.report(JobProgress("reading", 2))
    assert progress_of(attempt)["done_bytes"] == 1

    attempt.context.report(JobProgress("sealing", 3))
    assert progress_of(attempt)["phase"] == "sealing"

    attempt.clock.sleep(1.0)
    attempt.context.report(JobProgress("sealing", 4))
    assert progress_of(attempt)["done_bytes"] == 4


def test_the_last_progress_is_written_at_the_end(attempt: Attempt):
    attempt.context.report(JobProgress("reading", 1))
    attempt.context.report(JobProgress("reading", 2))

    attempt.context.flush()

    assert progress_of(attempt)["done_bytes"] == 2


def test_a_catalog_that_is_away_does_not_stop_the_work_for_its_progress(attempt: Attempt):
    cut(attempt, 1)
    attempt.context.report(JobProgress("reading", 1))
    assert progress_of(attempt) == {}

    attempt.clock.sleep(1.0)
    attempt.context.report(JobProgress("reading", 2))

    assert progress_of(attempt)["done_bytes"] == 2
