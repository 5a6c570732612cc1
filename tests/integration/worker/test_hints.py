"""A message is a hint: real workers drop what names nothing to do, and take what the ledger calls most urgent."""

import itertools

from sqlalchemy import update

from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.ids import new_id
from strongroom.jobs.kinds import Queue
from strongroom.jobs.outbox import JobMessage, publish_due, publish_one, publish_these
from strongroom.jobs.probing import probe_request
from strongroom.jobs.queues import pause_queue
from tests.integration.worker.conftest import TRACE_ID, eventually


def probe(site, queue=Queue.RESTORE):
    with site.runtime.catalog.begin() as session:
        return site.runtime.ledger.enqueue(session, probe_request(queue, trace_id=TRACE_ID)).id


def test_messages_that_name_nothing_to_do_are_dropped_with_a_word(site, start_worker):
    publisher, ledger = site.publisher(), site.runtime.ledger
    over = site.request_backup()
    ledger.request_cancel(over.id)
    unknown = str(new_id(site.runtime.clock, site.runtime.random))
    for job_id in ("not-an-id", unknown, str(over.id)):
        publisher.app.send_task("backup.run", kwargs={"job_id": job_id}, queue="backup")
    job = site.request_backup()
    for _ in range(3):
        publisher(JobMessage(job.id, job.kind, job.queue, job.priority, job.trace_id))

    worker = start_worker("backup")

    # One process takes one message after the other, so these are the last lines.
    eventually(lambda: worker.log.read_text().count(f"message dropped: job {job.id} is succeeded") == 2)
    log = worker.log.read_text()
    assert "message dropped: 'not-an-id' is not the id of a job" in log
    assert f"message dropped: job {unknown} is unknown" in log
    assert f"message dropped: job {over.id} is cancelled" in log
    assert "Traceback" not in log
    assert ledger.get(job.id).attempt == 1


def test_the_most_urgent_job_is_taken_and_the_hinted_one_comes_after_it(site, start_worker):
    ledger = site.runtime.ledger
    hinted = probe(site, Queue.MAINTENANCE)
    with site.runtime.catalog.begin() as session:
        session.execute(update(Job).where(Job.id == hinted).values(priority=9))
    assert publish_one(ledger, site.publisher(), hinted)
    # Nobody publishes this one: only the ledger knows of it.
    urgent = probe(site)

    worker = start_worker("recovery")

    eventually(lambda: all(ledger.get(job_id).state in FINAL_STATES for job_id in (urgent, hinted)))
    first, second = ledger.get(urgent), ledger.get(hinted)
    assert (first.state, first.publish_count, second.state, second.attempt) == ("succeeded", 0, "succeeded", 1)
    assert first.started_at < second.started_at
    assert f"goes before job {hinted}" in worker.log.read_text()


def test_the_backups_of_one_source_run_one_after_the_other(site, start_worker):
    jobs = [site.request_backup() for _ in range(4)]
    publisher = site.publisher()
    for job in jobs:
        publisher(JobMessage(job.id, job.kind, job.queue, job.priority, job.trace_id))
    start_worker("backup")

    # Without a dispatch tick: the end of each hands over the next.
    eventually(lambda: all(site.state_of(job) == "succeeded" for job in jobs))

    ended = [site.runtime.ledger.get(job.id) for job in jobs]
    spans = sorted((job.started_at, job.finished_at) for job in ended)
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))
    assert {(job.attempt, job.errors, job.crashes) for job in ended} == {(1, 0, 0)}


def test_a_worker_takes_nothing_from_a_paused_queue(site, start_worker):
    job = site.request_backup()
    publish_due(site.runtime.ledger, site.publisher())
    with site.runtime.catalog.begin() as session:
        pause_queue(session, Queue.BACKUP, by="ada", reason="disk change")

    worker = start_worker("backup")

    eventually(lambda: f"message dropped: job {job.id} is queued" in worker.log.read_text())
    assert site.state_of(job) == "queued"
    assert publish_due(site.runtime.ledger, site.publisher()) == 0


def test_jobs_of_an_instant_follow_each_other_without_a_message_for_each(site, start_worker):
    ledger = site.runtime.ledger
    with site.runtime.catalog.begin() as session:
        jobs = ledger.enqueue_many(session, [probe_request(Queue.COPY, trace_id=TRACE_ID) for _ in range(300)])
    worker = start_worker("recovery")
    publish_these(ledger, site.publisher(), jobs)

    # Without a dispatch tick: the end of each turn hands over the next.
    eventually(lambda: all(ledger.get(job).state in FINAL_STATES for job in (jobs[-1], jobs[0])))
    eventually(lambda: {ledger.get(job).state for job in jobs} == {"succeeded"})

    assert {ledger.get(job).attempt for job in jobs} == {1}
    assert worker.log.read_text().count("Task queue.probe[") < len(jobs)
