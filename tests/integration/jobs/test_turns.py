"""What is next after a job: the most urgent of its queue and kind, without a message of its own."""

import uuid
from typing import Any

from strongroom.catalog.jobs import JobState
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.ledger import JobRequest, Ledger
from strongroom.jobs.probing import probe_request
from strongroom.jobs.queues import pause_queue
from tests.integration.jobs.staging import FAR_AHEAD, LONG_AGO, TRACE_ID, at_once, change, claimed, enqueue, lapse


def probe(ledger: Ledger, queue: Queue = Queue.COPY) -> uuid.UUID:
    return enqueue(ledger, probe_request(queue, trace_id=TRACE_ID))


def following(ledger: Ledger, done: Any) -> uuid.UUID | None:
    claim = ledger.claim_next(done, "worker-1")
    return None if claim is None else claim.job_id


def test_the_oldest_job_of_the_queue_follows_with_a_lease_of_its_own(ledger: Ledger):
    done = claimed(ledger, probe(ledger))
    young, old = probe(ledger), probe(ledger)
    change(ledger, old, created_at=LONG_AGO)

    claim = ledger.claim_next(done, "worker-1")

    assert claim is not None
    assert (claim.job_id, claim.attempt, claim.queue, claim.trace_id) == (old, 1, "copy", TRACE_ID)
    job = ledger.get(old)
    assert (job.state, job.fence, job.lease_owner) == (JobState.RUNNING, claim.fence, "worker-1")
    assert following(ledger, claim) == young
    assert following(ledger, claim) is None


def test_what_is_more_urgent_follows_first(ledger: Ledger):
    done = claimed(ledger, probe(ledger))
    probe(ledger)
    urgent = probe(ledger)
    change(ledger, urgent, priority=0)

    assert following(ledger, done) == urgent


def test_jobs_of_other_queues_and_kinds_do_not_follow(ledger: Ledger):
    done = claimed(ledger, probe(ledger))
    probe(ledger, Queue.RESTORE)
    enqueue(ledger, JobRequest(JobKind.REPLICATION_COPY, {"backup": "b"}, TRACE_ID))

    assert following(ledger, done) is None


def test_what_is_not_due_late_running_or_over_does_not_follow(ledger: Ledger):
    done = claimed(ledger, probe(ledger))
    change(ledger, probe(ledger), run_after=FAR_AHEAD)
    change(ledger, probe(ledger), deadline_at=LONG_AGO)
    ledger.request_cancel(probe(ledger))
    ledger.request_pause(probe(ledger))
    lapse(ledger, claimed(ledger, probe(ledger)).job_id)

    assert following(ledger, done) is None


def test_nothing_follows_from_a_paused_queue(ledger: Ledger):
    done = claimed(ledger, probe(ledger))
    probe(ledger)
    with ledger.catalog.begin() as session:
        pause_queue(session, Queue.COPY, by="ada", reason="disk change")

    assert following(ledger, done) is None


def test_a_job_whose_key_is_held_is_passed_over(ledger: Ledger):
    def backup(key: str) -> uuid.UUID:
        return enqueue(ledger, JobRequest(JobKind.BACKUP_RUN, {"source": key}, TRACE_ID, exclusion=key))

    holder = claimed(ledger, backup("photos"))
    backup("photos")
    other = backup("letters")

    assert following(ledger, holder) == other
    assert following(ledger, holder) is None


def test_of_many_that_ask_at_once_no_two_get_the_same_job(ledger: Ledger):
    done = claimed(ledger, probe(ledger))
    jobs = [probe(ledger) for _ in range(12)]

    def take_all(_: int) -> list[uuid.UUID]:
        return list(iter(lambda: following(ledger, done), None))

    taken = [job for share in at_once(4, take_all) for job in share]
    taken += take_all(0)

    assert sorted(taken) == sorted(jobs)
    assert {ledger.get(job).attempt for job in jobs} == {1}
