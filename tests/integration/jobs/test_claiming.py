"""One attempt at a time holds a job, and an attempt that lost its lease can change nothing."""

import uuid
from collections.abc import Callable

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.jobs.claiming import Claim, write_held
from strongroom.jobs.failures import UNEXPECTED
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.steps import apply_step
from strongroom.jobs.sweeper import sweep
from strongroom.jobs.wishes import Wishes
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import at_once, change, claimed, enqueue, in_processes, lapse, request


def test_a_claim_starts_an_attempt_under_a_lease(ledger: Ledger):
    job_id = enqueue(ledger, request(source="photos"))

    claim = claimed(ledger, job_id, "worker-7")

    job = ledger.get(job_id)
    assert (claim.fence, claim.attempt, claim.args, claim.cursor) == (1, 1, {"source": "photos"}, None)
    assert (job.state, job.lease_owner, job.started_at) == (JobState.RUNNING, "worker-7", job.heartbeat_at)
    assert job.lease_until is not None
    assert job.heartbeat_at is not None
    assert (job.lease_until - job.heartbeat_at).total_seconds() == ledger.policy.lease_seconds


def test_a_held_job_is_not_claimed_again(ledger: Ledger):
    claim = claimed(ledger)

    assert ledger.claim(claim.job_id, "worker-2") is None
    assert ledger.get(claim.job_id).fence == claim.fence


def test_a_job_that_does_not_exist_is_not_claimed(ledger: Ledger):
    assert ledger.claim(uuid.uuid4(), "worker-1") is None


def test_a_job_that_is_over_is_not_claimed(ledger: Ledger):
    claim = claimed(ledger)
    ledger.finish(claim, {})

    assert ledger.claim(claim.job_id, "worker-2") is None


def test_one_of_many_threads_wins_the_claim(ledger: Ledger):
    job_id = enqueue(ledger)

    claims = at_once(8, lambda number: ledger.claim(job_id, f"worker-{number}"))

    assert len([claim for claim in claims if claim]) == 1
    assert ledger.get(job_id).attempt == 1


def test_one_of_many_processes_wins_each_claim(ledger: Ledger, catalog_url: str):
    job_ids = [enqueue(ledger) for _ in range(20)]

    won = in_processes(3, rivals.claim, catalog_url, job_ids)

    assert sorted(job_id for share in won for job_id in share) == sorted(job_ids)
    assert {ledger.get(job_id).attempt for job_id in job_ids} == {1}


def test_a_lapsed_lease_is_taken_over_with_a_higher_fence(ledger: Ledger):
    first = claimed(ledger)
    lapse(ledger, first.job_id)

    second = claimed(ledger, first.job_id, "worker-2")

    assert (second.fence, second.attempt) == (2, 2)
    assert ledger.get(first.job_id).crashes == 1


def test_one_of_many_threads_takes_over_a_lapsed_lease(ledger: Ledger):
    first = claimed(ledger)
    lapse(ledger, first.job_id)

    claims = at_once(8, lambda number: ledger.claim(first.job_id, f"worker-{number}"))

    assert [claim.fence for claim in claims if claim] == [2]


def test_the_first_start_and_the_cursor_survive_a_takeover(ledger: Ledger):
    first = claimed(ledger)
    with ledger.catalog.begin() as session:
        write_held(session, first, cursor={"next": 7})
    started_at = ledger.get(first.job_id).started_at
    lapse(ledger, first.job_id)

    second = claimed(ledger, first.job_id)

    assert second.cursor == {"next": 7}
    assert ledger.get(first.job_id).started_at == started_at


def test_renewing_moves_the_end_of_the_lease(ledger: Ledger):
    claim = claimed(ledger)
    before = ledger.get(claim.job_id).lease_until

    assert ledger.renew(claim) == Wishes()

    after = ledger.get(claim.job_id).lease_until
    assert before is not None
    assert after is not None
    assert after >= before


def test_a_lapsed_lease_that_nobody_took_is_renewed(ledger: Ledger):
    claim = claimed(ledger)
    lapse(ledger, claim.job_id)

    ledger.renew(claim)

    assert ledger.claim(claim.job_id, "worker-2") is None


def step(ledger: Ledger, claim: Claim) -> object:
    with ledger.catalog.begin() as session:
        return apply_step(session, claim, "copied", lambda _: {"by": "the old holder"})


def save_cursor(ledger: Ledger, claim: Claim) -> None:
    with ledger.catalog.begin() as session:
        write_held(session, claim, cursor={"by": "the old holder"})


WRITES: dict[str, Callable[[Ledger, Claim], object]] = {
    "renew": lambda ledger, claim: ledger.renew(claim),
    "finish": lambda ledger, claim: ledger.finish(claim, {}),
    "fail": lambda ledger, claim: ledger.fail(claim, UNEXPECTED),
    "cancel": lambda ledger, claim: ledger.cancel(claim),
    "release": lambda ledger, claim: ledger.release(claim),
    "step": step,
    "save_cursor": save_cursor,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_the_old_holder_can_write_nothing_after_a_takeover(ledger: Ledger, write: Callable[[Ledger, Claim], object]):
    old = claimed(ledger)
    lapse(ledger, old.job_id)
    new = claimed(ledger, old.job_id, "worker-2")
    before = ledger.get(old.job_id)

    with pytest.raises(LeaseLost):
        write(ledger, old)

    after = ledger.get(old.job_id)
    assert (after.state, after.fence, after.lease_until) == (JobState.RUNNING, new.fence, before.lease_until)
    assert (after.cursor, after.lease_owner) == (None, "worker-2")
    write(ledger, new)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_the_old_holder_can_write_nothing_after_a_sweep(ledger: Ledger, write: Callable[[Ledger, Claim], object]):
    old = claimed(ledger)
    lapse(ledger, old.job_id)
    sweep(ledger)

    with pytest.raises(LeaseLost):
        write(ledger, old)

    assert ledger.get(old.job_id).state is JobState.QUEUED


def test_a_job_that_crashed_too_often_is_left_to_the_sweeper(ledger: Ledger):
    claim = claimed(ledger)
    change(ledger, claim.job_id, crashes=ledger.policy.max_crashes - 1)
    lapse(ledger, claim.job_id)

    assert ledger.claim(claim.job_id, "worker-2") is None


def test_a_silent_job_that_is_to_be_cancelled_is_left_to_the_sweeper(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_cancel(claim.job_id)
    lapse(ledger, claim.job_id)

    assert ledger.claim(claim.job_id, "worker-2") is None
