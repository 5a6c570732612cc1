"""One directory and one guard per test run, shared by all xdist workers of it."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.services import guard

RUN_INPUT = "strongroom_run_directory"
LONGEST_SOCKET_PATH = 107
ROOM_FOR_SOCKET_NAMES = 60


def _parent() -> Path:
    """Return the temporary directory, or /tmp where that is too long for the unix sockets inside."""
    usual = Path(tempfile.gettempdir())
    return usual if len(os.fsencode(usual)) <= LONGEST_SOCKET_PATH - ROOM_FOR_SOCKET_NAMES else Path("/tmp")


def _keep_temporary_files_in(directory: Path) -> None:
    """Have this process and its children put temporary files here; pytest's own stay where a person finds them."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    directory.mkdir()
    directory.chmod(0o1777)
    os.environ["TMPDIR"] = tempfile.tempdir = str(directory)


@dataclass(frozen=True)
class Run:
    """A test run: `directory` is for the services' data; others may pass through it but not list it."""

    directory: Path
    guard: subprocess.Popen[bytes]

    @classmethod
    def begin(cls) -> "Run":
        """Make the directory, start the guard and mark this process's future children."""
        directory = Path(tempfile.mkdtemp(prefix="strongroom-", dir=_parent())).resolve()
        directory.chmod(0o711)
        argv = [sys.executable, "-I", "-S", guard.__file__, str(directory), str(os.getpid())]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, cwd="/", start_new_session=True)
        os.environ[guard.RUN_VARIABLE] = str(directory)
        _keep_temporary_files_in(directory / "tmp")
        return cls(directory, process)

    def end(self) -> None:
        """Have the guard end every process of the run and remove the directory; returns when that is done."""
        os.environ.pop(guard.RUN_VARIABLE, None)
        self.guard.communicate()


class XdistNode(Protocol):
    """What is used of xdist's picture of a worker; xdist has no types."""

    workerinput: dict[str, Any]


class RunPlugin:
    """Ends the run with the pytest session and tells xdist workers which run they belong to."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: XdistNode) -> None:
        node.workerinput[RUN_INPUT] = str(self.run.directory)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self.run.end()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the run in the one process that is not an xdist worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunPlugin(Run.begin()), "strongroom-run")


@pytest.fixture(scope="session")
def run_directory(pytestconfig: pytest.Config) -> Path:
    """The directory of this test run; the same in every xdist worker."""
    if hasattr(pytestconfig, "workerinput"):
        return Path(pytestconfig.workerinput[RUN_INPUT])
    plugin = pytestconfig.pluginmanager.get_plugin("strongroom-run")
    assert isinstance(plugin, RunPlugin)
    return plugin.run.directory
