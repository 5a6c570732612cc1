"""A worker that lives and takes no messages any more finds that out and connects anew."""

import pytest

from strongroom.jobs.outbox import publish_one
from tests.integration.worker import deaf
from tests.integration.worker.conftest import eventually, started_servers

WORD = "arrives although they are sent: connecting anew"


@pytest.fixture
def start_deaf(site):
    """A function that starts a worker of the site which goes deaf, and waits until it is."""
    with started_servers() as start:

        def start_and_wait(profile):
            worker = start(site, profile, "tests.integration.worker.deaf", profile)
            eventually(lambda: deaf.WORD in worker.log.read_text())
            return worker

        yield start_and_wait


def test_a_worker_that_went_deaf_hears_again_and_does_the_job(site, start_deaf):
    worker = start_deaf("backup")
    first_process, job = worker.pid, site.request_backup()
    assert publish_one(site.runtime.ledger, site.publisher(), job.id)

    eventually(lambda: site.state_of(job) == "succeeded")

    assert f"no job {WORD}" in worker.log.read_text()
    assert worker.pid == first_process
    # It hears: what comes now is taken without another look. If the worker still ended the first, it sends this one.
    later = site.request_backup()
    publish_one(site.runtime.ledger, site.publisher(), later.id)
    eventually(lambda: site.state_of(later) == "succeeded")
    assert worker.log.read_text().count(WORD) == 1
    assert site.runtime.ledger.get(job.id).attempt == 1


def test_a_worker_of_the_ticks_that_went_deaf_hears_again(site, start_deaf):
    worker = start_deaf("control")
    site.celery().send_task("jobs.sweep", queue="control", expires=60)

    eventually(lambda: "jobs.sweep" in worker.log.read_text().partition(WORD)[2])
