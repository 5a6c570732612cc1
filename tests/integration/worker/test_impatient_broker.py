"""RabbitMQ takes a message back that a worker holds for longer than the server's own `consumer_timeout`."""

import os

from strongroom.jobs.outbox import publish_one
from tests.integration.worker.conftest import eventually, made_site
from tests.services.rabbitmq import running_rabbitmq

MIB = 1 << 20
TIMEOUT = "consumer_timeout = 1000\n"
# The server looks once a minute.
LOOKING = "[{rabbit, [{channel_tick_interval, 500}]}]."
TAKEN_BACK = "delivery acknowledgement on channel"


def test_a_long_job_whose_message_is_taken_back_goes_on_and_ends_once(
    tmp_path, sqlite_catalog_url, run_directory, start_worker_at
):
    node = run_directory / f"qi-{tmp_path.name[-8:]}"
    with (
        running_rabbitmq(node, more=TIMEOUT, advanced=LOOKING) as rabbitmq,
        made_site(tmp_path, sqlite_catalog_url, rabbitmq) as site,
    ):
        (site.directory / "archive" / "film.bin").write_bytes(os.urandom(12 * MIB))
        worker, job = start_worker_at(site, "backup"), site.request_backup("archive")
        assert publish_one(site.runtime.ledger, site.publisher(), job.id)

        eventually(lambda: TAKEN_BACK in worker.log.read_text())
        assert site.state_of(job) == "running"
        eventually(lambda: site.state_of(job) == "succeeded")

        # The worker, if it still ends the first, sends this one.
        later = site.request_backup()
        publish_one(site.runtime.ledger, site.publisher(), later.id)
        eventually(lambda: site.state_of(later) == "succeeded")
        done = site.runtime.ledger.get(job.id)
        assert (done.attempt, done.errors, done.crashes) == (1, 0, 0)
        assert len(list((site.directory / "regions/here/c/archive").iterdir())) == 1
        eventually(lambda: f"message dropped: job {job.id} is succeeded" in worker.log.read_text())
