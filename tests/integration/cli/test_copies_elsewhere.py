"""A command that makes copies itself, while a worker makes one of them, or nobody may."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import ReplicaState
from strongroom.catalog.jobs import JobState
from strongroom.cli.here import copy_here, run_here
from strongroom.cli.screen import Screen
from strongroom.clock import SystemClock
from strongroom.jobs.claiming import Claim
from strongroom.replication import reconcile as replication
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings
from tests.integration.cli.conftest import Run, events

QUIET = Screen(quiet=True)


@pytest.fixture
def services(installed: Run, tmp_path: Path) -> Services:
    """What the command of the installation works with."""
    return build_runtime(load_settings(tmp_path / "strongroom.toml", {})).services()


@pytest.fixture
def backup(installed: Run, services: Services) -> uuid.UUID:
    """A backup that no region but its own has."""
    code, out, err = installed("backup", "run", "uploads", "--no-wait", "--json")
    assert code == 0, err
    job = run_here(services, uuid.UUID(events(out)[-1]["job"]), QUIET)
    assert job.state is JobState.SUCCEEDED
    return job.id


class Waiting(SystemClock):
    """A clock that says when somebody waits."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.begun.set()
        super().sleep(seconds)


def copy_until_released(services: Services, backup: uuid.UUID, held: Sequence[Claim | None]) -> None:
    """Copy in a thread, see it wait for those who hold copies, have them let go, and see it end."""
    clock = Waiting()
    command = threading.Thread(target=copy_here, args=(replace(services, clock=clock), backup, QUIET))
    command.start()
    while not clock.begun.is_set():
        assert command.is_alive(), "it did not wait for the worker"
    for claim in held:
        assert claim is not None
        services.ledger.release(claim)
    command.join()


def test_a_copy_that_a_worker_holds_is_awaited(services: Services, backup: uuid.UUID) -> None:
    held = [services.ledger.claim(copy.id, "worker@elsewhere") for copy in replication.reconcile(services)]

    copy_until_released(services, backup, held)

    with services.catalog.read() as session:
        assert get_backup(session, backup).protected_at is not None
        assert {replica.state for replica in list_replicas(session, backup)} == {ReplicaState.PRESENT}


def test_a_copy_whose_queue_is_paused_is_not_awaited(installed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed("queues", "pause", "copy", "--reason", "the disk is changed")[0] == 0
    monkeypatch.setattr(SystemClock, "sleep", lambda *_: pytest.fail("it waits for whoever goes on with the queue"))

    code, out, err = installed("backup", "run", "uploads", "--here", "--json")

    assert code == 3, err
    summary = events(out)[-1]
    assert (summary["state"], summary["protected_at"]) == ("committed", None)
    assert err.count("the disk is changed") == 1, "for all copies"
    assert "strongroom queues resume copy" in err


def test_a_copy_that_a_worker_holds_is_awaited_where_the_queue_is_paused_meanwhile(
    installed: Run, services: Services, backup: uuid.UUID
) -> None:
    copies = [copy.id for copy in replication.reconcile(services)]
    claims = [services.ledger.claim(copy, "worker@elsewhere") for copy in copies]
    assert installed("queues", "pause", "copy", "--reason", "the disk is changed")[0] == 0

    copy_until_released(services, backup, claims)

    assert {services.ledger.get(copy).state for copy in copies} == {JobState.QUEUED}
