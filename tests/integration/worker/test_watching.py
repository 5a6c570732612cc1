"""What operators see of workers: whether they live, and what they do. Never a secret."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import httpx

from strongroom.jobs.outbox import publish_due
from tests.integration.worker.conftest import PROJECT, eventually
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server

CANARIES = ("canary-database-password", "canary-source")


def check(site, *words):
    command = [sys.executable, "-m", "worker", *words, "--check"]
    return subprocess.run(command, env=os.environ | site.environment, cwd=PROJECT, check=False).returncode


def ask(port, password, path):
    return httpx.get(f"http://{LOOPBACK}:{port}{path}", auth=("strongroom", password), trust_env=False, timeout=30).text


def answers(port):
    with suppress(httpx.TransportError):
        return httpx.get(f"http://{LOOPBACK}:{port}/healthcheck", trust_env=False).status_code == 200
    return False


def test_a_probe_tells_a_worker_that_lives_from_one_that_does_not(site, start_worker):
    start_worker("backup", "--name", "one")

    assert check(site, "backup", "--name", "one") == 0
    assert check(site, "backup") == 4


def test_inspect_and_flower_name_the_job_and_no_secret(site, start_worker, tmp_path):
    # The database server accepts connections and then says nothing, so the attempt lasts.
    port, password = ReservedPort(), "flower-test-password"
    options = ("--address=127.0.0.1", f"--port={port.number}", "--read-only=true")
    variables = {**site.environment, "FLOWER_BASIC_AUTH": f"strongroom:{password}"}
    command = [sys.executable, "-m", "celery", "--app", "worker.app", "flower", *options]
    flower = Server("flower", command, tmp_path, variables)
    with socket.create_server((LOOPBACK, site.silent_port.number)):
        flower.start(lambda: answers(port.number), seconds=60)
        worker = start_worker("backup")
        job = site.request_backup("shop")
        publish_due(site.runtime.ledger, site.publisher())
        eventually(lambda: site.state_of(job) == "running")

        (active,) = site.celery().control.inspect(timeout=10.0).active()[f"backup@{socket.gethostname()}"]
        eventually(lambda: str(job.id) in ask(port.number, password, "/api/tasks"))
        shown = ask(port.number, password, "/api/tasks") + ask(port.number, password, "/api/workers")

        assert active["name"] == "backup.run"
        assert active["kwargs"] == {"job_id": str(job.id)}
        told = json.dumps(active) + shown
        assert not [secret for secret in (*CANARIES, site.broker.password) if secret in told]
        os.kill(worker.pid, signal.SIGKILL)
    flower.kill()
    port.release()


def test_a_worker_without_events_tells_flower_nothing(site, start_worker):
    worker = start_worker("backup", "--no-events")
    job = site.request_backup()
    heard = []

    with site.celery().connection_for_read() as connection:
        receiver = site.celery().events.Receiver(connection, handlers={"*": heard.append})
        publish_due(site.runtime.ledger, site.publisher())
        eventually(lambda: site.state_of(job) == "succeeded")
        with suppress(TimeoutError):
            receiver.capture(limit=None, timeout=2, wakeup=False)

    assert worker.pid is not None
    assert [event for event in heard if event["type"].startswith("task-") and event["type"] != "task-sent"] == []
