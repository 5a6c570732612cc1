"""Of the jobs with one key a single one runs; the others wait without harm, and the next begins when it ends."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from strongroom.catalog.jobs import JobState
from strongroom.jobs.claiming import Claim
from strongroom.jobs.failures import UNEXPECTED, JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger
from strongroom.jobs.outbox import JobMessage, publish_due, publish_next_in_line
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import (
    FAR_AHEAD,
    LONG_AGO,
    TRACE_ID,
    at_once,
    change,
    claimed,
    enqueue,
    in_processes,
    lapse,
)

KEY = "source:photos"


def writer(ledger: Ledger, key: str = KEY) -> uuid.UUID:
    return enqueue(ledger, JobRequest(JobKind.BACKUP_RUN, {"source": "photos"}, TRACE_ID, exclusion=key))


def published(ledger: Ledger) -> list[uuid.UUID]:
    messages: list[JobMessage] = []
    publish_due(ledger, messages.append)
    return [message.job_id for message in messages]


def test_a_job_whose_key_is_taken_waits_without_an_error(ledger: Ledger):
    first, second = claimed(ledger, writer(ledger)), writer(ledger)

    assert ledger.claim(second, "worker-2") is None

    job = ledger.get(second)
    assert (job.state, job.attempt, job.errors, job.crashes) == (JobState.QUEUED, 0, 0, 0)
    assert ledger.get(first.job_id).state is JobState.RUNNING


def test_another_key_and_no_key_do_not_wait(ledger: Ledger):
    claimed(ledger, writer(ledger))

    assert ledger.claim(writer(ledger, "source:letters"), "worker-2") is not None
    assert ledger.claim(enqueue(ledger), "worker-3") is not None


def test_one_of_many_threads_gets_the_key(ledger: Ledger):
    jobs = [writer(ledger) for _ in range(8)]

    claims = at_once(8, lambda number: ledger.claim(jobs[number], f"worker-{number}"))

    assert len([claim for claim in claims if claim]) == 1
    assert {ledger.get(job_id).errors for job_id in jobs} == {0}


def test_one_of_many_processes_gets_each_key(ledger: Ledger, catalog_url: str):
    jobs = [writer(ledger, f"source:{number % 5}") for number in range(20)]

    won = in_processes(3, rivals.claim, catalog_url, jobs)

    claimed_keys = [ledger.get(job_id).exclusion for share in won for job_id in share]
    assert sorted(str(key) for key in claimed_keys) == [f"source:{number}" for number in range(5)]


def vanish(ledger: Ledger, claim: Claim) -> None:
    change(ledger, claim.job_id, crashes=ledger.policy.max_crashes)
    lapse(ledger, claim.job_id)
    sweep(ledger)


def cancel(ledger: Ledger, claim: Claim) -> None:
    ledger.request_cancel(claim.job_id)
    ledger.release(claim)


ENDS: dict[str, Callable[[Ledger, Claim], Any]] = {
    "success": lambda ledger, claim: ledger.finish(claim, {}),
    "failure": lambda ledger, claim: ledger.fail(claim, UNEXPECTED),
    "cancellation": cancel,
    "deadline": lambda ledger, claim: ledger.expire(claim),
    "pause": lambda ledger, claim: (ledger.request_pause(claim.job_id), ledger.release(claim)),
    "sweeper": vanish,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_next_begins_as_soon_as_the_first_ends(ledger: Ledger, end: Callable[[Ledger, Claim], Any]):
    first, second = claimed(ledger, writer(ledger)), writer(ledger)
    # Its message came while the key was taken, and is used up.
    assert ledger.claim(second, "worker-2") is None
    assert published(ledger) == []

    end(ledger, first)

    assert published(ledger) == [second]
    assert ledger.claim(second, "worker-2") is not None


def test_one_that_waits_for_its_next_attempt_lets_another_go_first(ledger: Ledger):
    first, second = claimed(ledger, writer(ledger)), writer(ledger)
    ledger.fail(first, JobFailure("storage.unavailable", "No answer.", "Wait.", retryable=True))
    change(ledger, first.job_id, run_after=FAR_AHEAD, publish_after=FAR_AHEAD)

    assert published(ledger) == [second]


def test_those_that_wait_for_a_key_are_published_one_at_a_time_and_oldest_first(ledger: Ledger):
    jobs = [writer(ledger) for _ in range(4)]
    change(ledger, jobs[3], created_at=LONG_AGO)

    order = []
    while due := published(ledger):
        assert len(due) == 1
        order += due
        ledger.finish(claimed(ledger, due[0]), {})

    assert order == [jobs[3], *jobs[:3]]


def test_the_next_in_line_can_be_published_by_itself(ledger: Ledger):
    other = writer(ledger, "source:letters")
    jobs = [writer(ledger) for _ in range(2)]
    messages: list[JobMessage] = []

    assert publish_next_in_line(ledger, messages.append, KEY)
    assert not publish_next_in_line(ledger, messages.append, "source:nobody")

    assert [message.job_id for message in messages] == [jobs[0]]
    assert ledger.get(other).published_at is None


def test_a_line_goes_on_when_its_first_is_withdrawn(ledger: Ledger):
    first, second = writer(ledger), writer(ledger)
    assert published(ledger) == [first]

    ledger.request_cancel(first)

    assert published(ledger) == [second]


def test_an_abandoned_job_holds_its_key_until_it_is_taken_over(ledger: Ledger):
    first, second = claimed(ledger, writer(ledger)), writer(ledger)
    lapse(ledger, first.job_id)

    assert ledger.claim(second, "worker-2") is None
    assert ledger.claim(first.job_id, "worker-2") is not None
    lapse(ledger, first.job_id)
    sweep(ledger)

    assert published(ledger) == [first.job_id]


def test_a_more_urgent_job_whose_key_is_taken_does_not_push_in(ledger: Ledger):
    restore = JobRequest(JobKind.RESTORE_RUN, {}, TRACE_ID, exclusion="target:x")
    claimed(ledger, enqueue(ledger, restore))
    enqueue(ledger, restore)
    hint = enqueue(ledger)

    claim = ledger.claim(hint, "worker-2", frozenset({"restore", "backup"}))

    assert claim is not None
    assert claim.job_id == hint
