"""A committed job reaches the broker sooner or later, and a broker that is away costs nothing but time."""

import pytest

from strongroom.catalog.jobs import Job
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.outbox import BATCH, JobMessage, publish_due, publish_one, publish_these
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
    make_due,
    request,
)


class Broker:
    """Takes messages, unless it is down."""

    def __init__(self) -> None:
        self.down = False
        self.room: int | None = None
        self.messages: list[JobMessage] = []

    def __call__(self, message: JobMessage) -> None:
        if self.down or len(self.messages) == self.room:
            raise BrokerUnavailableError("The broker did not answer.", next_step="Start it.")
        self.messages.append(message)


@pytest.fixture
def broker() -> Broker:
    return Broker()


def patience(job: Job) -> float:
    assert job.published_at is not None
    return (job.publish_after - job.published_at).total_seconds()


def test_a_message_carries_the_job_and_nothing_about_it(ledger: Ledger, broker: Broker):
    job_id = enqueue(ledger, request(JobKind.RESTORE_RUN, backup="b"))

    assert publish_due(ledger, broker) == 1
    assert broker.messages == [JobMessage(job_id, "restore.run", "restore", 0, TRACE_ID)]


def test_a_published_job_is_not_published_again_soon(ledger: Ledger, broker: Broker):
    job_id = enqueue(ledger)
    publish_due(ledger, broker)

    assert publish_due(ledger, broker) == 0
    job = ledger.get(job_id)
    assert job.publish_count == 1
    assert patience(job) == pytest.approx(ledger.policy.republish_base_seconds, abs=0.1)


def test_an_unanswered_message_is_repeated_with_growing_distance(ledger: Ledger, broker: Broker):
    job_id, waits = enqueue(ledger), []
    for _ in range(3):
        change(ledger, job_id, publish_after=LONG_AGO)
        publish_due(ledger, broker)
        waits.append(round(patience(ledger.get(job_id))))

    base = ledger.policy.republish_base_seconds
    assert waits == [base, 2 * base, 4 * base]
    assert len(broker.messages) == 3


def test_a_broker_that_is_down_leaves_the_job_due(ledger: Ledger, broker: Broker):
    job_id = enqueue(ledger)
    broker.down = True

    with pytest.raises(BrokerUnavailableError):
        publish_due(ledger, broker)

    job = ledger.get(job_id)
    assert (job.publish_count, job.published_at) == (0, None)
    broker.down = False
    assert publish_due(ledger, broker) == 1


def test_a_broker_that_goes_away_half_way_keeps_what_it_took(ledger: Ledger, broker: Broker):
    jobs = [enqueue(ledger) for _ in range(5)]
    broker.room = 2

    with pytest.raises(BrokerUnavailableError):
        publish_due(ledger, broker)

    assert [ledger.get(job_id).publish_count for job_id in jobs] == [1, 1, 0, 0, 0]
    broker.room = None
    assert publish_due(ledger, broker) == 3
    assert [message.job_id for message in broker.messages] == jobs


def test_more_jobs_than_one_transaction_takes_all_go_out_once(ledger: Ledger, broker: Broker):
    with ledger.catalog.begin() as session:
        jobs = ledger.enqueue_many(session, [request() for _ in range(2 * BATCH + 1)])

    assert publish_these(ledger, broker, jobs) == len(jobs)
    assert sorted(message.job_id for message in broker.messages) == sorted(jobs)
    assert publish_due(ledger, broker) == 0


def test_a_message_sent_again_among_new_ones_waits_longer_than_they(ledger: Ledger, broker: Broker):
    old = enqueue(ledger)
    publish_due(ledger, broker)
    change(ledger, old, publish_after=LONG_AGO)
    new = enqueue(ledger)

    assert publish_due(ledger, broker) == 2

    base = ledger.policy.republish_base_seconds
    assert [round(patience(ledger.get(job_id))) for job_id in (old, new)] == [2 * base, base]


def test_the_hint_after_a_commit_does_not_mind_a_broker_that_is_down(ledger: Ledger, broker: Broker):
    job_id = enqueue(ledger)
    broker.down = True

    assert publish_one(ledger, broker, job_id) is False
    broker.down = False
    assert publish_one(ledger, broker, job_id) is True
    assert publish_one(ledger, broker, job_id) is False


def test_the_hint_publishes_its_own_job_only(ledger: Ledger, broker: Broker):
    enqueue(ledger)
    job_id = enqueue(ledger)

    publish_one(ledger, broker, job_id)

    assert [message.job_id for message in broker.messages] == [job_id]


def test_urgent_jobs_are_published_first_and_the_limit_is_kept(ledger: Ledger, broker: Broker):
    copy, restore = enqueue(ledger, request(JobKind.REPLICATION_COPY)), enqueue(ledger, request(JobKind.RESTORE_RUN))

    assert publish_due(ledger, broker, limit=1) == 1
    assert publish_due(ledger, broker, limit=1) == 1
    assert [message.job_id for message in broker.messages] == [restore, copy]


def test_running_finished_and_delayed_jobs_are_not_published(ledger: Ledger, broker: Broker):
    claimed(ledger)
    ledger.finish(claimed(ledger), {})
    change(ledger, enqueue(ledger), run_after=FAR_AHEAD, publish_after=FAR_AHEAD)

    assert publish_due(ledger, broker) == 0


def test_a_retried_job_is_published_again_when_it_is_due(ledger: Ledger, broker: Broker):
    job_id = enqueue(ledger)
    publish_due(ledger, broker)
    ledger.fail(claimed(ledger, job_id), JobFailure("storage.unavailable", "No answer.", "Wait.", retryable=True))
    make_due(ledger, job_id)

    assert publish_due(ledger, broker) == 1


def test_publishers_in_threads_share_the_work(ledger: Ledger, broker: Broker):
    jobs = sorted(enqueue(ledger) for _ in range(20))

    counts = at_once(4, lambda _: publish_due(ledger, broker))

    assert sum(counts) == len(jobs)
    assert sorted(message.job_id for message in broker.messages) == jobs


def test_publishers_in_processes_share_the_work(ledger: Ledger, catalog_url: str):
    jobs = sorted(enqueue(ledger) for _ in range(20))

    published = in_processes(2, rivals.publish_all, catalog_url)

    assert sorted(job_id for share in published for job_id in share) == jobs
