"""A message is a hint that there is work: what is most urgent is for the ledger to say."""

import uuid
from typing import Any

from strongroom.catalog.jobs import JobState
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import ROUTES, JobKind
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.outbox import JobMessage, publish_due, publish_one
from tests.integration.jobs.staging import FAR_AHEAD, LONG_AGO, at_once, change, claimed, enqueue, request

EVERYTHING = frozenset({"restore", "backup", "copy", "maintenance"})
RESTORE, BACKUP = JobKind.RESTORE_RUN, JobKind.BACKUP_RUN
COPY, VERIFICATION = JobKind.REPLICATION_COPY, JobKind.VERIFICATION_RUN


def taken(ledger: Ledger, hint: uuid.UUID, queues: Any = EVERYTHING) -> uuid.UUID | None:
    claim = ledger.claim(hint, "worker-1", queues)
    return None if claim is None else claim.job_id


def published(ledger: Ledger) -> list[uuid.UUID]:
    messages: list[JobMessage] = []
    publish_due(ledger, messages.append)
    return [message.job_id for message in messages]


def test_restores_go_before_backups_before_copies_before_verifications():
    urgency = [ROUTES[kind].priority for kind in (RESTORE, BACKUP, COPY, VERIFICATION)]

    assert urgency == sorted(set(urgency))


def test_the_most_urgent_job_is_taken_whatever_the_message_names(ledger: Ledger):
    jobs = {kind: enqueue(ledger, request(kind)) for kind in (VERIFICATION, COPY, BACKUP, RESTORE)}

    order = [taken(ledger, jobs[VERIFICATION]) for _ in range(4)]

    assert order == [jobs[RESTORE], jobs[BACKUP], jobs[COPY], jobs[VERIFICATION]]


def test_of_several_urgent_jobs_the_oldest_is_taken(ledger: Ledger):
    young, old, hint = (enqueue(ledger, request(kind)) for kind in (RESTORE, RESTORE, COPY))
    change(ledger, old, created_at=LONG_AGO)

    assert [taken(ledger, hint), taken(ledger, hint)] == [old, young]


def test_only_the_queues_that_the_worker_serves_count(ledger: Ledger):
    enqueue(ledger, request(RESTORE))
    hint = enqueue(ledger, request(COPY))

    assert taken(ledger, hint, frozenset({"copy", "maintenance"})) == hint


def test_a_job_of_the_same_urgency_does_not_push_in(ledger: Ledger):
    enqueue(ledger)
    hint = enqueue(ledger)

    assert taken(ledger, hint) == hint


def test_a_job_that_was_passed_over_is_published_again_at_once(ledger: Ledger):
    hint = enqueue(ledger, request(COPY))
    assert published(ledger) == [hint]
    restore = enqueue(ledger, request(RESTORE))

    assert taken(ledger, hint) == restore

    messages: list[JobMessage] = []
    assert publish_one(ledger, messages.append, hint)
    job = ledger.get(hint)
    assert (job.state, job.publish_count) == (JobState.QUEUED, 1)
    assert taken(ledger, hint) == hint


def test_the_message_of_a_job_that_went_first_finds_nothing_to_do(ledger: Ledger):
    hint, restore = enqueue(ledger, request(COPY)), enqueue(ledger, request(RESTORE))
    taken(ledger, hint)

    assert taken(ledger, restore) is None
    assert ledger.get(restore).attempt == 1


def test_what_is_not_due_is_not_urgent(ledger: Ledger):
    later, late = enqueue(ledger, request(RESTORE)), enqueue(ledger, request(RESTORE))
    change(ledger, later, run_after=FAR_AHEAD)
    change(ledger, late, deadline_at=LONG_AGO)
    hint = enqueue(ledger, request(COPY))

    assert taken(ledger, hint) == hint


def test_a_kind_that_only_a_newer_version_knows_is_left_to_it(ledger: Ledger):
    newer = enqueue(ledger, request(RESTORE))
    change(ledger, newer, kind="restore.faster")
    hint = enqueue(ledger, request(COPY))

    assert taken(ledger, hint) == hint


def test_a_message_whose_job_is_over_takes_no_other_job(ledger: Ledger):
    hint = enqueue(ledger, request(COPY))
    ledger.request_cancel(hint)
    restore = enqueue(ledger, request(RESTORE))

    assert taken(ledger, hint) is None
    assert ledger.get(restore).state is JobState.QUEUED


def test_a_job_that_waits_for_its_next_attempt_is_not_published_early(ledger: Ledger):
    claim = claimed(ledger)
    ledger.fail(claim, JobFailure("storage.unavailable", "No answer.", "Wait.", retryable=True))
    change(ledger, claim.job_id, run_after=FAR_AHEAD, publish_after=FAR_AHEAD)

    assert taken(ledger, claim.job_id) is None
    assert published(ledger) == []


def test_many_workers_with_many_messages_take_every_job_once(ledger: Ledger):
    hints = [enqueue(ledger, request(kind)) for kind in (COPY, RESTORE, VERIFICATION, BACKUP) for _ in range(5)]

    def work(number: int) -> list[uuid.UUID | None]:
        return [taken(ledger, hint) for hint in hints[number::4]]

    first = [job_id for share in at_once(4, work) for job_id in share]
    # What was passed over comes again, until nothing is left.
    while again := published(ledger):
        first += [taken(ledger, hint) for hint in again]

    assert sorted(job_id for job_id in first if job_id) == sorted(hints)
    assert {ledger.get(job_id).attempt for job_id in hints} == {1}
