"""Many jobs written at once: all of them or none, each once per key."""

import pytest

from strongroom.jobs.errors import BatchRefusedError
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import JobRequest, Ledger
from tests.integration.jobs.staging import TRACE_ID, at_once, enqueue, request


def enqueue_many(ledger: Ledger, *wanted: JobRequest) -> list:
    with ledger.catalog.begin() as session:
        return ledger.enqueue_many(session, wanted)


def count_jobs(ledger: Ledger) -> int:
    return len(ledger.list(limit=100).items)


def test_the_ids_come_back_in_the_order_of_the_requests(ledger: Ledger):
    ids = enqueue_many(ledger, *(request(source=f"s{number}", key=f"key-{9 - number}") for number in range(10)))

    assert [ledger.get(job_id).args for job_id in ids] == [{"source": f"s{number}"} for number in range(10)]


def test_one_of_many_is_the_same_as_one_alone(ledger: Ledger):
    alone = ledger.get(enqueue(ledger, request(JobKind.RESTORE_RUN, backup="b")))

    (job_id,) = enqueue_many(ledger, request(JobKind.RESTORE_RUN, backup="b"))

    own = {"id", "created_at", "run_after", "publish_after"}
    columns = [column.key for column in type(alone).__mapper__.column_attrs if column.key not in own]
    among = ledger.get(job_id)
    assert {name: getattr(among, name) for name in columns} == {name: getattr(alone, name) for name in columns}
    assert among.run_after == among.publish_after == among.created_at


def test_each_waits_where_and_no_longer_than_it_was_told_to(ledger: Ledger):
    hurried = JobRequest(JobKind.QUEUE_PROBE, {}, TRACE_ID, queue=Queue.BACKUP, deadline_seconds=3600)

    first, second = (ledger.get(job_id) for job_id in enqueue_many(ledger, hurried, request()))

    assert (first.queue, second.deadline_at) == ("backup", None)
    assert first.deadline_at is not None
    assert (first.deadline_at - first.created_at).total_seconds() == 3600


def test_a_known_key_is_the_earlier_job_also_within_the_batch(ledger: Ledger):
    earlier = enqueue(ledger, request(key="monday"))

    ids = enqueue_many(ledger, request(key="tuesday"), request(key="monday"), request(), request(key="tuesday"))

    assert ids[1] == earlier
    assert ids[0] == ids[3]
    assert count_jobs(ledger) == 3


def test_everything_that_is_wrong_is_named_and_nothing_is_written(ledger: Ledger):
    enqueue(ledger, request(key="monday"))

    with pytest.raises(BatchRefusedError) as refused:
        enqueue_many(ledger, request(), request(key="monday", source="x"), request(key="a"), request(key="a", other=1))

    assert [(refusal.index, refusal.error.code) for refusal in refused.value.refusals] == [
        (1, "jobs.idempotency_conflict"),
        (3, "jobs.idempotency_conflict"),
    ]
    with pytest.raises(BatchRefusedError) as refused:
        enqueue_many(ledger, request(), request(key=""))
    assert [refusal.index for refusal in refused.value.refusals] == [1]
    assert count_jobs(ledger) == 1


def test_batches_with_the_same_keys_at_once_make_each_job_once(ledger: Ledger):
    keys = [f"key-{number}" for number in range(30)]

    def enqueue_in_own_order(number: int) -> set:
        own = keys if number % 2 else keys[::-1]
        return set(enqueue_many(ledger, *(request(key=key) for key in own)))

    batches = at_once(4, enqueue_in_own_order)

    assert len(set.union(*batches)) == count_jobs(ledger) == 30
