"""Keeping the processes of an installation running, as systemd or supervisor does, while a storm ends them."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

RESTART_SECONDS = 0.3
LOOK_SECONDS = 0.1


@dataclass
class Keeper:
    """Starts each process and starts it again whenever it ends; `restarts` counts how often that was."""

    logs: Path
    environment: Mapping[str, str]
    commands: Mapping[str, list[str]]
    restarts: Counter[str] = field(default_factory=Counter)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start everything and begin to watch."""
        self.logs.mkdir()
        for name in self.commands:
            self._running[name] = self.launch(name)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End everything at once."""
        self._stopping.set()
        self._watcher.join()
        for process in self._running.values():
            end_group(process)

    def launch(self, name: str) -> subprocess.Popen[bytes]:
        """Start one more process of a kind, which nobody keeps running."""
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                self.commands[name],
                cwd=self.logs,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """Return the id of the main process of a name."""
        return self._running[name].pid

    def children(self, name: str) -> list[int]:
        """Return the ids of the pool processes of a worker."""
        return children_of(self.pid(name))

    def family(self, name: str) -> list[int]:
        """Return the main process and all below it."""
        return [self.pid(name), *self.children(name)]

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for name, process in list(self._running.items()):
                if process.poll() is not None:
                    self._start_again(name, process)

    def _start_again(self, name: str, process: subprocess.Popen[bytes]) -> None:
        # Pool processes that outlive their parent notice it by themselves; nobody ends them here.
        time.sleep(RESTART_SECONDS)
        self.restarts[name] += 1
        self._running[name] = self.launch(name)


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children, nearest first, and of theirs."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found + [grandchild for child in found for grandchild in children_of(child)]


def send(pids: list[int], number: signal.Signals) -> bool:
    """Send a signal to processes that may be gone, and say whether one was there."""
    reached = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            reached += 1
    return reached > 0


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process with everything in its group, frozen or not."""
    below = children_of(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    send(below, signal.SIGKILL)
    process.wait()
