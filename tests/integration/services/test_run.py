import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.guard import RUN_VARIABLE, members

PATIENCE = 30.0
REPOSITORY = Path(__file__).parents[3]
# One child works inside the run's directory with a clean environment, the other the opposite.
A_RUN = """
import signal, subprocess, sys
from tests.services.run import Run

if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
run = Run.begin()
subprocess.Popen(["sleep", "600"], cwd=run.directory, env={}, start_new_session=True)
subprocess.Popen(["sleep", "600"], cwd="/", start_new_session=True)
print(run.directory, flush=True)
sys.stdin.readline()
run.end()
"""


@dataclass(frozen=True)
class ARun:
    process: subprocess.Popen[str]
    directory: Path


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[ARun]:
    """A test run of its own that has started two processes; with the parameter "stubborn" they ignore SIGTERM."""
    environment = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}
    with subprocess.Popen(
        [sys.executable, "-c", A_RUN, getattr(request, "param", "ordinary")],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield ARun(process, Path(process.stdout.readline().strip()))
        process.kill()


def test_the_processes_of_a_run_are_known_by_directory_or_environment(run: ARun) -> None:
    assert _until(lambda: len(list(members(run.directory))) == 2)


@pytest.mark.parametrize("run", ["ordinary", "stubborn"], indirect=True)
def test_a_run_that_ends_leaves_nothing(run: ARun) -> None:
    run.process.communicate("\n")
    assert list(members(run.directory)) == []
    assert not run.directory.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_leaves_nothing(run: ARun, number: signal.Signals) -> None:
    run.process.send_signal(number)
    assert _until(lambda: not run.directory.exists())
    assert list(members(run.directory)) == []


def test_the_guard_of_one_run_leaves_the_other_runs_alone(run: ARun, run_directory: Path) -> None:
    mine = subprocess.Popen(["sleep", "600"], cwd=run_directory, start_new_session=True)
    run.process.kill()
    assert _until(lambda: not run.directory.exists())
    assert mine.poll() is None
    mine.kill()
    mine.wait()


def test_every_worker_sees_the_same_run(run_directory: Path) -> None:
    assert os.environ[RUN_VARIABLE] == str(run_directory)


def test_a_unix_socket_fits_into_the_run_directory(run_directory: Path) -> None:
    assert len(os.fsencode(run_directory / "tmp" / "strongroom-pg-xxxxxxxx" / ".s.PGSQL.65535.lock")) <= 107
