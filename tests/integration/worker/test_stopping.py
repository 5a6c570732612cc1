"""Workers that are asked to end, with work in hand."""

import os
import signal

from strongroom.catalog.jobs import FINAL_STATES
from strongroom.jobs.outbox import publish_due, publish_one
from tests.integration.worker.conftest import eventually

MIB = 1 << 20


def begin_long_job(site, start_worker, mib=6):
    """Return a backup that takes some seconds, in the hands of a worker, and that worker."""
    (site.directory / "archive" / "film.bin").write_bytes(os.urandom(mib * MIB))
    job = site.request_backup("archive")
    publish_due(site.runtime.ledger, site.publisher())
    worker = start_worker("backup")
    eventually(lambda: site.state_of(job) == "running")
    return job, worker


def test_a_worker_that_ends_takes_nothing_more_and_hands_its_long_job_back_for_another_to_go_on(site, start_worker):
    job, worker = begin_long_job(site, start_worker)

    os.kill(worker.pid, signal.SIGTERM)
    later = site.request_backup()
    publish_one(site.runtime.ledger, site.publisher(), later.id)
    eventually(lambda: worker.pid is None)
    given_back = site.runtime.ledger.get(job.id)
    assert (given_back.state, given_back.lease_owner) == ("queued", None)
    assert site.runtime.ledger.get(later.id).attempt == 0
    # No tick runs here: the message was sent anew when the job was handed back.
    start_worker("backup")
    eventually(lambda: {site.state_of(job), site.state_of(later)} == {"succeeded"})

    done = site.runtime.ledger.get(job.id)
    assert (done.attempt, done.errors, done.crashes) == (2, 0, 0)
    assert "grace is over" not in worker.log.read_text()


def test_an_idle_worker_ends_at_once_and_forgets_its_name(site, start_worker):
    worker = start_worker("backup")

    os.kill(worker.pid, signal.SIGTERM)
    eventually(lambda: worker.pid is None)

    assert site.alive() == set()


def test_a_deploy_loses_nothing(site, start_worker):
    """Two workers are replaced one after the other while jobs run."""
    jobs = [site.request_backup() for _ in range(12)]
    publish_due(site.runtime.ledger, site.publisher())
    for old in (start_worker("backup", "--name", "one"), start_worker("backup", "--name", "two")):
        os.kill(old.pid, signal.SIGTERM)
        start_worker("backup", "--name", f"{old.name}-new")
        eventually(lambda old=old: old.pid is None)
        jobs += [site.request_backup() for _ in range(4)]
        publish_due(site.runtime.ledger, site.publisher())

    eventually(lambda: all(site.state_of(job) in FINAL_STATES for job in jobs))

    ended = [site.runtime.ledger.get(job.id) for job in jobs]
    assert {(job.state.value, job.errors, job.crashes) for job in ended} == {("succeeded", 0, 0)}
    assert len(list((site.directory / "regions/here/c/website").iterdir())) == len(jobs)
