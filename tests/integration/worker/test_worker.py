"""Real workers on a real broker."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.kinds import Queue
from strongroom.jobs.outbox import JobMessage, publish_due, publish_one
from strongroom.jobs.probing import ProbeVerdict, probe_queues
from strongroom.metrics.exporting import export
from tests.integration.worker.conftest import PATIENCE_SECONDS, PROJECT, TRACE_ID, eventually
from tests.services.rabbitmq import RabbitMq
from tests.services.valkey import Valkey
from worker.round_trip import probe_workers


def raw_messages(broker):
    """Return every message that waits in the queue of backups, as it is kept, with its headers, priority and body."""
    with broker.client() as client:
        if isinstance(broker, RabbitMq):
            channel = client.channel()
            taken = iter(lambda: channel.basic_get("backup"), None)
            return [(str(vars(m)).encode(), m.headers, m.properties["priority"], m.body) for m in taken]
        # The transport keeps a list for each priority.
        raws = [raw for queue in client.scan_iter("backup*") for raw in client.lrange(queue, 0, -1)]
    decoded = [(raw, json.loads(raw)) for raw in raws]
    return [(raw, m["headers"], m["properties"]["priority"], base64.b64decode(m["body"])) for raw, m in decoded]


def test_a_job_given_by_its_id_is_run_and_its_trace_id_finds_its_lines_in_the_log(site, start_worker):
    job = site.request_backup()
    assert publish_due(site.runtime.ledger, site.publisher()) == 1

    worker = start_worker("backup")

    eventually(lambda: site.state_of(job) == "succeeded")
    done = site.runtime.ledger.get(job.id)
    assert (done.attempt, done.trace_id) == (1, TRACE_ID)
    assert (site.directory / "regions" / "here" / "c" / "website" / job.id.hex).is_file()
    eventually(lambda: "ended" in worker.log.read_text())
    lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    told = [line["event"] for line in lines if line.get("trace_id") == TRACE_ID]
    assert {"job.attempt_begins", "job.attempt_ended", "celery.worker.strategy.task_message_handler"} <= set(told)
    about = [line for line in lines if str(job.id) in str(line)]
    assert {line.get("trace_id") for line in about} == {TRACE_ID}
    assert {line["service"] for line in lines} == {"worker-backup"}


def test_a_probe_shows_that_a_worker_serves_its_queue(site, start_worker):
    ledger = site.runtime.ledger
    start_worker("backup")

    with ThreadPoolExecutor() as pool:
        probing = pool.submit(probe_queues, ledger, [Queue.BACKUP], seconds=PATIENCE_SECONDS, trace_id=TRACE_ID)
        eventually(lambda: publish_due(ledger, site.publisher()) == 1)

    (report,) = probing.result()
    assert (report.queue, report.verdict) == (Queue.BACKUP, ProbeVerdict.SERVED)
    # Nobody hands this one over but the probe itself.
    (sent,) = probe_workers(site.runtime.services(), [Queue.BACKUP], PATIENCE_SECONDS)
    assert (sent.queue, sent.verdict) == (Queue.BACKUP, ProbeVerdict.SERVED)
    families = {family.name: family for family in export(site.runtime.catalog, site.runtime.settings)}
    workers = {sample.labels["queue"]: sample.value for sample in families["strongroom_workers_up"].samples}
    assert (workers["backup"], workers["restore"]) == (1, 0)


def test_a_message_carries_an_id_and_a_trace_id_and_nothing_else(site):
    job = site.request_backup("shop")

    publish_due(site.runtime.ledger, site.publisher())

    ((raw, headers, priority, body),) = raw_messages(site.broker)
    args, kwargs, _ = json.loads(body)
    assert (args, kwargs) == ([], {"job_id": str(job.id)})
    assert headers["x_trace_id"] == TRACE_ID
    assert priority == 3
    assert b"canary" not in raw
    assert b"shop" not in raw


def test_a_tick_hands_waiting_jobs_over(site, start_worker):
    job = site.request_backup()
    start_worker("backup")
    start_worker("control")

    site.celery().send_task("jobs.dispatch", queue="control", expires=60)

    eventually(lambda: site.state_of(job) == "succeeded")


def test_a_worker_that_ends_gives_its_job_back_at_once(site, start_worker):
    # The database server accepts connections and then says nothing, so the attempt hangs.
    with socket.create_server(("127.0.0.1", site.silent_port.number)):
        job = site.request_backup("shop")
        publish_due(site.runtime.ledger, site.publisher())
        worker = start_worker("backup")
        eventually(lambda: site.state_of(job) == "running")

        os.kill(worker.pid, signal.SIGQUIT)
        eventually(lambda: worker.pid is None)

    given_back = site.runtime.ledger.get(job.id)
    assert (given_back.state, given_back.lease_owner, given_back.crashes) == ("queued", None, 0)
    assert site.alive() == set()


def test_two_workers_of_the_same_queues_on_one_host_share_the_jobs(site, start_worker_of):
    one, two = (start_worker_of("--queues", "backup,copy", "--name", name) for name in ("one", "two"))
    jobs = []

    def both_have_worked():
        jobs.append(site.request_backup())
        publish_due(site.runtime.ledger, site.publisher())
        eventually(lambda: site.state_of(jobs[-1]) == "succeeded")
        return all(" begins" in worker.log.read_text() for worker in (one, two))

    eventually(both_have_worked)

    assert site.alive() >= {"one", "two"}
    logs = one.log.read_text() + two.log.read_text()
    assert [logs.count(f"job {job.id} (backup.run): attempt 1 begins") for job in jobs] == [1] * len(jobs)
    os.kill(one.pid, signal.SIGTERM)
    eventually(lambda: one.pid is None)
    last = site.request_backup()
    publish_due(site.runtime.ledger, site.publisher())
    eventually(lambda: site.state_of(last) == "succeeded")
    assert site.alive() == {"two"}


def test_a_worker_survives_a_restart_of_the_broker(site, start_worker):
    start_worker("backup")
    publisher = site.publisher()
    first = site.request_backup()
    publish_due(site.runtime.ledger, publisher)
    eventually(lambda: site.state_of(first) == "succeeded")

    site.broker.stop()
    second = site.request_backup()
    assert not publish_one(site.runtime.ledger, publisher, second.id)
    site.broker.start()
    eventually(lambda: publish_one(site.runtime.ledger, publisher, second.id))

    eventually(lambda: site.state_of(second) == "succeeded")


def test_ticks_go_on_after_a_restart_of_the_broker(site, start_worker, beat):
    start_worker("control")
    start_worker("backup")
    site.broker.stop()
    job = site.request_backup()
    site.broker.start()

    eventually(lambda: site.state_of(job) == "succeeded")

    assert beat.pid is not None


def test_a_broker_that_is_away_is_said_to_be_so(site):
    site.broker.stop()
    job = site.request_backup()
    message = JobMessage(job.id, job.kind, job.queue, job.priority, job.trace_id)

    addresses = [site.broker.url]
    if isinstance(site.broker, Valkey):
        addresses.append(site.broker.socket_url)
    for address in addresses:
        publisher = site.publisher()
        publisher.app.conf.broker_url = address
        with pytest.raises(BrokerUnavailableError) as refused:
            publisher(message)
        assert site.broker.password not in str(refused.value)


def test_a_worker_tells_nobody_the_password_of_the_broker(site, start_worker):
    worker = start_worker("control")
    inspect = site.celery().control.inspect(timeout=20.0, limit=1)

    told = [inspect.stats(), inspect.conf(), inspect.report(), inspect.registered()]

    assert all(told)
    assert site.broker.password not in json.dumps(told, default=str)
    arguments = Path(f"/proc/{worker.pid}/cmdline").read_text()
    assert "worker" in arguments
    assert site.broker.password not in arguments


@pytest.mark.parametrize("broker", ["valkey"], indirect=True)
def test_a_worker_does_not_start_on_an_outdated_catalog(site, tmp_path):
    variables = {**os.environ, **site.environment, "STRONGROOM_CATALOG_URL": f"sqlite:///{tmp_path}/empty.db"}
    done = subprocess.run(
        [sys.executable, "-m", "worker", "backup"],
        env=variables,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "strongroom init --upgrade" in done.stderr
