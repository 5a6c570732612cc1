"""`strongroom doctor --worker` against real workers of every queue, and against none."""

import json
import os
import subprocess
import sys

import pytest

from strongroom.cli import doctor
from strongroom.cli.main import main
from strongroom.jobs.kinds import Queue
from tests.integration.worker.conftest import PROJECT
from tests.services.valkey import Valkey

HEALTHY, UNHEALTHY = 0, 4


@pytest.fixture
def broker(valkey: Valkey) -> Valkey:
    """These tests are about answers of workers, so one kind of broker is enough."""
    return valkey


def ask(site, *words):
    """Run the command as a health check does, and return its exit code and what it found, by queue."""
    command = [sys.executable, "-m", "strongroom", "doctor", "--worker", "--json", *words]
    run = subprocess.run(
        command, env=os.environ | site.environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert run.returncode in (HEALTHY, UNHEALTHY), run.stderr
    return run.returncode, [finding["what"] for finding in json.loads(run.stdout)["findings"]]


def test_workers_of_every_queue_answer_and_those_that_ended_are_named(site, start_worker):
    start_worker("backup")
    recovery = start_worker("recovery")
    assert ask(site) == (HEALTHY, [])

    recovery.stop()
    code, found = ask(site, "--queue", "backup", "--queue", "restore")

    assert code == UNHEALTHY
    assert found == ["No worker answered in the queue restore within 5 s."]


def test_without_a_worker_every_queue_is_silent(site, monkeypatch, capsys):
    # What is waited for is tried above; here only that it ends.
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.5)
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)

    code = main(["doctor", "--worker", "--json"])

    findings = json.loads(capsys.readouterr().out)["findings"]
    assert code == UNHEALTHY
    assert [finding["code"] for finding in findings] == ["queue_silent"] * len(Queue)


def test_a_broker_that_is_away_is_no_answer(site, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.5)
    for name, value in {**site.environment, "STRONGROOM_BROKER_URL": "redis://127.0.0.1:9/0"}.items():
        monkeypatch.setenv(name, value)

    assert main(["doctor", "--worker", "--queue", "backup"]) == UNHEALTHY
    assert "queue_silent" in capsys.readouterr().out
