"""Ways to a broker: sentinels, TLS, certificates."""

from dataclasses import replace

import pytest

from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.outbox import JobMessage, publish_one
from tests.integration.worker.conftest import PATIENCE_SECONDS, TRACE_ID, eventually, made_site
from tests.services.certificates import make_certificates
from tests.services.rabbitmq import running_rabbitmq
from tests.services.sentinel import MASTER_NAME

TLS_FILES = """
[broker]
ca_file = "{files.ca}"
cert_file = "{files.cert}"
key_file = "{files.key}"
"""
SENTINEL = f"""
tls = true
master = "{MASTER_NAME}"
sentinel_password_env = "SENTINEL_PASSWORD"
"""


@pytest.fixture
def watched_site(tmp_path, sqlite_catalog_url, sentinel_cluster):
    """A site whose broker is found through sentinels."""
    broker = TLS_FILES.format(files=sentinel_cluster.master.files) + SENTINEL
    variables = {"SENTINEL_PASSWORD": sentinel_cluster.sentinel.password}
    with made_site(tmp_path, sqlite_catalog_url, sentinel_cluster, more=broker, variables=variables) as site:
        yield site


def test_workers_follow_the_sentinels_to_the_new_master(watched_site, start_worker_at):
    site, cluster = watched_site, watched_site.broker
    start_worker_at(site, "backup")
    publisher = site.publisher()
    first = site.request_backup()
    assert publish_one(site.runtime.ledger, publisher, first.id)
    eventually(lambda: site.state_of(first) == "succeeded")
    eventually(cluster.in_step)

    cluster.master.server.kill()
    second = site.request_backup()

    eventually(cluster.replica.is_master)
    eventually(lambda: publish_one(site.runtime.ledger, publisher, second.id))
    eventually(lambda: site.state_of(second) == "succeeded")


def test_workers_tell_nobody_the_passwords_of_the_sentinels(watched_site, start_worker_at):
    site, cluster = watched_site, watched_site.broker
    start_worker_at(site, "backup")
    inspect = site.celery().control.inspect(timeout=PATIENCE_SECONDS, limit=1)

    told = [inspect.stats(), inspect.conf(with_defaults=True), inspect.report()]

    assert all(told)
    assert cluster.sentinel.password not in str(told)
    assert cluster.master.password not in str(told)


@pytest.mark.parametrize("vouched_for", [True, False])
def test_a_certificate_nobody_vouches_for_is_refused(tmp_path, sqlite_catalog_url, sentinel_cluster, vouched_for):
    trusted, stranger = sentinel_cluster.master.files, make_certificates(tmp_path / "stranger")
    files = trusted if vouched_for else replace(trusted, ca=stranger.ca)
    url = sentinel_cluster.tls_url
    with made_site(tmp_path, sqlite_catalog_url, sentinel_cluster, more=TLS_FILES.format(files=files), url=url) as site:
        job = site.request_backup()
        message = JobMessage(job.id, job.kind, job.queue, job.priority, TRACE_ID)

        if vouched_for:
            site.publisher()(message)
            return
        with pytest.raises(BrokerUnavailableError):
            site.publisher()(message)


def test_rabbitmq_over_tls_takes_and_gives_messages(tmp_path, sqlite_catalog_url, run_directory, start_worker_at):
    files = make_certificates(run_directory / f"tls-{tmp_path.name}", mode=0o644)
    node = run_directory / f"qt-{tmp_path.name[-8:]}"
    with running_rabbitmq(node, tls=files) as rabbitmq:
        more = TLS_FILES.format(files=files)
        with made_site(tmp_path, sqlite_catalog_url, rabbitmq, more=more) as site:
            start_worker_at(site, "backup")
            job = site.request_backup()
            assert publish_one(site.runtime.ledger, site.publisher(), job.id)
            eventually(lambda: site.state_of(job) == "succeeded")
