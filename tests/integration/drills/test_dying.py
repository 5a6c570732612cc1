"""A drill that is killed leaves neither files nor a server, and is held again by the next worker."""

import fcntl
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from strongroom.catalog.drills import DrillState
from strongroom.catalog.jobs import Job
from strongroom.drills.databases import DatabaseDrill
from strongroom.drills.place import sweep
from strongroom.jobs.sweeper import sweep as take_back
from strongroom.testing.postgres import ScratchPostgres
from strongroom.testing.stores import sudden_death
from tests.integration.backup.conftest import in_a_process_that_dies
from tests.integration.backup.test_dying import expire_lease
from tests.integration.drills.conftest import DrillHall

__all__ = ["in_a_process_that_dies"]

Dies = Callable[[Callable[[], object]], bool]


def die(*_: object, **__: object) -> None:
    sudden_death()


def take_over(hall: DrillHall, job: Job) -> None:
    """Do what the service does: the lease lapses, the sweeper sends the job again, another worker runs it."""
    expire_lease(hall.house, job)
    assert job.id in take_back(hall.house.services.ledger).requeued
    assert hall.house.run(job).state == "succeeded"


def wait_until_gone(hall: DrillHall) -> None:
    give_up = time.monotonic() + 30
    while hall.left():
        assert time.monotonic() < give_up, hall.left()
        time.sleep(0.05)


def servers_in(place: Path) -> list[bytes]:
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_bytes())
        except OSError:
            continue
    return [command for command in commands if os.fsencode(place) in command and b"-D\0" in command]


@pytest.mark.parametrize("step", ["restore_tree", "record"])
def test_a_killed_drill_of_a_tree_leaves_nothing_and_is_held_again(
    hall: DrillHall, monkeypatch: pytest.MonkeyPatch, in_a_process_that_dies: Dies, step: str
):
    hall.house.back_up()
    job = hall.ask()
    hall.house.runtime.close()
    with monkeypatch.context() as patch:
        patch.setattr(f"strongroom.drills.run.{step}", die)
        assert not in_a_process_that_dies(partial(hall.house.run, job))

    wait_until_gone(hall)
    take_over(hall, job)

    assert hall.drill(job).state is DrillState.PASSED
    assert hall.left() == []


def test_a_killed_drill_of_a_database_leaves_no_server(
    hall: DrillHall,
    monkeypatch: pytest.MonkeyPatch,
    in_a_process_that_dies: Dies,
    postgres_server: ScratchPostgres,
    database: str,
):
    hall.serve(postgres_server, database.rpartition("/")[2])
    hall.back_up_shop()
    job = hall.ask("shop")
    hall.house.runtime.close()
    with monkeypatch.context() as patch:
        patch.setattr(DatabaseDrill, "verify", die)
        assert not in_a_process_that_dies(partial(hall.house.run, job))

    wait_until_gone(hall)
    assert servers_in(hall.place) == []
    take_over(hall, job)
    assert hall.drill(job).state is DrillState.PASSED


def test_what_a_killed_machine_left_is_removed_by_the_next_drill(hall: DrillHall):
    left = hall.place / "strongroom-drill-earlier"
    (left / "tree" / "closed").mkdir(parents=True)
    (left / "lock").touch()
    (left / "tree" / "closed").chmod(0)
    hall.house.back_up()

    hall.hold()

    assert hall.left() == []


def test_what_another_drill_works_in_is_left_alone(hall: DrillHall):
    other = hall.place / "strongroom-drill-other"
    other.mkdir()
    with (other / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep(hall.place, hall.house.services.clock)

    assert hall.left() == [other]
