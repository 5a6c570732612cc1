"""Talking to supervisor over its socket."""

import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from stack.errors import SetUpError
from stack.installation import Installation

ENDED = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as supervisor sees it: RUNNING, STARTING, BACKOFF, FATAL, ...; `description` is for people.

    `pid` is 0 for what is not running; `seconds` is how long it has been.
    """

    name: str
    state: str
    description: str
    log: str
    pid: int
    seconds: int


class Supervisor:
    """The supervisor of one installation, running or not."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        transport = SupervisorTransport(None, None, serverurl=f"unix://{installation.supervisor_socket}")
        # The transport ignores the address; the socket decides.
        self._rpc = ServerProxy("http://localhost", transport=transport)

    def start(self, config: str, environment: dict[str, str]) -> None:
        """Start supervisor in the background, and with it every process; raises SetUpError."""
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", config]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise SetUpError(
                f"supervisor did not start: {(run.stderr or run.stdout).strip()[-500:]}",
                next_step=f"Look into {self._installation.log / 'supervisord.log'}.",
            )

    def is_running(self) -> bool:
        """Say whether supervisor answers."""
        try:
            self._rpc.supervisor.getState()
        except (OSError, HTTPException, Fault):
            return False
        return True

    def processes(self) -> list[ProcessState]:
        """Return the processes in their order; none when supervisor does not answer."""
        try:
            listed: Any = self._rpc.supervisor.getAllProcessInfo()
        except (OSError, HTTPException, Fault):
            return []
        return [
            ProcessState(
                name=info["name"],
                state=info["statename"],
                description=info["description"],
                log=info["stdout_logfile"],
                pid=info["pid"],
                seconds=info["now"] - info["start"],
            )
            for info in listed
        ]

    def stop(self, names: Iterable[str]) -> None:
        """Ask processes to end, all at the same time; returns at once."""
        for name in names:
            with suppress(Fault):
                self._rpc.supervisor.stopProcess(name, False)

    def start_again(self, names: Iterable[str]) -> None:
        """Start processes that were stopped; one that is running already is left alone."""
        for name in names:
            with suppress(Fault):
                self._rpc.supervisor.startProcess(name, False)

    def shut_down(self) -> None:
        """Ask supervisor to stop what is left and then itself; returns at once."""
        self._rpc.supervisor.shutdown()
