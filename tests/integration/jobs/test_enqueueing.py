"""A request becomes a job once, in the transaction of whoever asks."""

import pytest
from sqlalchemy import func, select

from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.errors import BadIdempotencyKeyError, IdempotencyConflictError
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import FAR_AHEAD, TRACE_ID, at_once, change, enqueue, in_processes, request


def count_jobs(ledger: Ledger) -> int | None:
    with ledger.catalog.read() as session:
        return session.scalar(select(func.count()).select_from(Job))


def test_a_new_job_waits_in_the_queue_of_its_kind(ledger: Ledger):
    job = ledger.get(enqueue(ledger, request(JobKind.RESTORE_RUN, backup="b")))

    assert (job.state, job.queue, job.kind) == (JobState.QUEUED, "restore", "restore.run")
    assert (job.attempt, job.fence, job.lease_until, job.cursor) == (0, 0, None, None)
    assert job.args == {"backup": "b"}
    assert job.created_at == job.run_after == job.publish_after
    assert job.created_at.tzinfo is not None


def test_a_job_whose_transaction_rolls_back_does_not_exist(ledger: Ledger):
    def enqueue_and_fail() -> None:
        with ledger.catalog.begin() as session:
            ledger.enqueue(session, request())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        enqueue_and_fail()

    assert count_jobs(ledger) == 0


def test_a_job_is_listed_by_the_source_among_its_arguments(ledger: Ledger):
    job_id = enqueue(ledger, request(source="photos"))
    enqueue(ledger, request(source="ledgers"))

    assert [job.id for job in ledger.list(source="photos").items] == [job_id]


def test_a_source_beside_the_arguments_goes_first(ledger: Ledger):
    wanted = JobRequest(JobKind.REPLICATION_COPY, {"backup": "b"}, TRACE_ID, source="photos")

    assert ledger.get(enqueue(ledger, wanted)).source == "photos"


def test_a_delayed_job_is_not_claimed_before_its_time(ledger: Ledger):
    job_id = enqueue(ledger)
    change(ledger, job_id, run_after=FAR_AHEAD)

    assert ledger.claim(job_id, "worker-1") is None


def test_the_same_key_and_content_is_the_same_job(ledger: Ledger):
    first = enqueue(ledger, request(key="monday"))

    assert enqueue(ledger, request(key="monday")) == first
    assert count_jobs(ledger) == 1


def test_the_same_key_finds_a_job_that_is_over(ledger: Ledger):
    first = enqueue(ledger, request(key="monday"))
    ledger.request_cancel(first)

    assert enqueue(ledger, request(key="monday")) == first


@pytest.mark.parametrize("other", [request(key="monday", source="x"), request(JobKind.RESTORE_RUN, key="monday")])
def test_the_same_key_with_other_content_is_refused(ledger: Ledger, other: JobRequest):
    first = enqueue(ledger, request(key="monday"))

    with pytest.raises(IdempotencyConflictError) as refused:
        enqueue(ledger, other)

    assert refused.value.details == {"job_id": str(first)}


def test_jobs_without_a_key_are_all_different(ledger: Ledger):
    assert enqueue(ledger) != enqueue(ledger)


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_that_cannot_be_kept_is_refused(ledger: Ledger, key: str):
    with pytest.raises(BadIdempotencyKeyError):
        enqueue(ledger, request(key=key))


def test_threads_that_use_one_key_at_once_get_one_job(ledger: Ledger):
    jobs = at_once(8, lambda _: enqueue(ledger, request(key="monday")))

    assert len(set(jobs)) == 1
    assert count_jobs(ledger) == 1


def test_processes_that_use_one_key_at_once_get_one_job(ledger: Ledger, catalog_url: str):
    jobs = in_processes(3, rivals.enqueue, catalog_url, "monday")

    assert len(set(jobs)) == 1
    assert count_jobs(ledger) == 1
