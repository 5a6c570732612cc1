"""A committed job reaches the broker sooner or later, and a broker that is away costs nothing but time."""

import uuid
from collections import Counter

import pytest

from strongroom.catalog.jobs import Job
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.outbox import (
    AHEAD,
    BATCH_SECONDS,
    JobMessage,
    publish_due,
    publish_next,
    publish_one,
    publish_these,
)
from strongroom.jobs.probing import probe_request
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import (
    FAR_AHEAD,
    LONG_AGO,
    TRACE_ID,
    HandClock,
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


def many(ledger: Ledger, *queues: Queue, count: int = 2 * AHEAD + 1) -> list[uuid.UUID]:
    with ledger.catalog.begin() as session:
        return [
            job
            for queue in queues
            for job in ledger.enqueue_many(session, [probe_request(queue, trace_id=TRACE_ID) for _ in range(count)])
        ]


def test_of_a_long_queue_a_few_jobs_are_handed_over_the_oldest_first(ledger: Ledger, broker: Broker):
    jobs = many(ledger, Queue.COPY)
    make_due(ledger, jobs[-1])

    assert publish_these(ledger, broker, jobs) == AHEAD
    assert publish_due(ledger, broker) == 0
    assert broker.messages[0].job_id == jobs[-1]


def test_a_long_queue_keeps_no_other_from_being_handed_over(ledger: Ledger, broker: Broker):
    many(ledger, Queue.COPY)
    publish_due(ledger, broker)
    restores = many(ledger, Queue.RESTORE, count=3)
    broker.messages.clear()

    assert publish_due(ledger, broker) == 3
    assert sorted(message.job_id for message in broker.messages) == sorted(restores)


def test_several_long_queues_get_their_messages_in_one_go(ledger: Ledger, broker: Broker):
    jobs = many(ledger, Queue.COPY, Queue.RESTORE, Queue.BACKUP)

    published = publish_these(ledger, broker, jobs) + publish_due(ledger, broker)

    sent = Counter(message.queue for message in broker.messages)
    assert published == sent.total()
    assert all(AHEAD <= sent[queue] < 2 * AHEAD for queue in (Queue.COPY, Queue.RESTORE, Queue.BACKUP))


def test_whoever_used_a_message_up_hands_the_next_job_over(ledger: Ledger, broker: Broker):
    many(ledger, Queue.COPY)
    publish_due(ledger, broker)
    assert publish_next(ledger, broker, Queue.COPY) is False

    claimed(ledger, broker.messages[0].job_id)

    assert publish_next(ledger, broker, Queue.RESTORE) is False
    assert publish_next(ledger, broker, Queue.COPY) is True
    assert publish_next(ledger, broker, Queue.COPY) is False
    assert len(broker.messages) == AHEAD + 1


def test_messages_that_nobody_answered_do_not_keep_others_back(ledger: Ledger, broker: Broker):
    """As after a broker lost what it had: in time the same jobs are handed over again."""
    jobs = many(ledger, Queue.COPY)
    publish_due(ledger, broker)
    for message in broker.messages:
        change(ledger, message.job_id, publish_after=LONG_AGO)
    broker.messages.clear()

    assert publish_due(ledger, broker) == AHEAD
    assert {message.job_id for message in broker.messages} <= set(jobs)


def test_a_slow_broker_does_not_keep_the_catalog_busy(ledger: Ledger, broker: Broker):
    jobs, clock = many(ledger, Queue.COPY, count=4), HandClock()
    slow = Ledger(ledger.catalog, clock, ledger.random, ledger.policy)

    def publish(message: JobMessage) -> None:
        broker(message)
        clock.sleep(BATCH_SECONDS / 2)

    assert publish_due(slow, publish) == 2
    assert publish_due(slow, publish) == 2
    assert sorted(message.job_id for message in broker.messages) == sorted(jobs)


def test_the_next_job_waits_in_the_ledger_while_the_broker_is_down(ledger: Ledger, broker: Broker):
    enqueue(ledger)
    broker.down = True

    assert publish_next(ledger, broker, Queue.BACKUP) is False
    broker.down = False
    assert publish_next(ledger, broker, Queue.BACKUP) is True


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
