"""Which messages tell a worker that hears nothing that it should have."""

import uuid

from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import JobRequest, Ledger
from strongroom.jobs.outbox import publish_due
from strongroom.jobs.queues import pause_queue
from strongroom.jobs.untaken import UntakenMessage, list_untaken
from tests.integration.jobs.staging import FAR_AHEAD, LONG_AGO, TRACE_ID, change, claimed, enqueue, make_due


def untaken(ledger: Ledger, *queues: Queue) -> frozenset[UntakenMessage]:
    with ledger.catalog.read() as session:
        return list_untaken(session, queues or [Queue.BACKUP])


def published(ledger: Ledger) -> uuid.UUID:
    job_id = enqueue(ledger)
    publish_due(ledger, lambda message: None)
    return job_id


def test_a_message_that_nobody_takes_is_listed_until_somebody_does(ledger: Ledger):
    assert untaken(ledger) == frozenset()

    job_id = published(ledger)
    assert untaken(ledger) == {UntakenMessage(job_id, 1)}
    assert untaken(ledger, Queue.COPY, Queue.RESTORE) == frozenset()

    claimed(ledger, job_id)
    assert untaken(ledger) == frozenset()


def test_a_message_that_is_sent_again_is_another_one(ledger: Ledger):
    job_id = published(ledger)
    make_due(ledger, job_id)

    publish_due(ledger, lambda message: None)

    assert untaken(ledger) == {UntakenMessage(job_id, 2)}


def test_what_nobody_was_told_of_is_not_listed(ledger: Ledger):
    enqueue(ledger)

    assert untaken(ledger) == frozenset()


def test_what_something_keeps_is_not_listed(ledger: Ledger):
    running, waiting = (
        enqueue(ledger, JobRequest(JobKind.BACKUP_RUN, {}, TRACE_ID, exclusion="source:shop")) for _ in range(2)
    )
    later = published(ledger)
    for job_id in (running, waiting):
        change(ledger, job_id, published_at=LONG_AGO, publish_count=1)
    claimed(ledger, running)
    change(ledger, later, run_after=FAR_AHEAD)

    assert untaken(ledger) == frozenset()


def test_nothing_is_expected_of_a_paused_queue(ledger: Ledger):
    published(ledger)
    with ledger.catalog.begin() as session:
        pause_queue(session, Queue.BACKUP, by="ada", reason="disk change")

    assert untaken(ledger) == frozenset()
