"""End everything a test run has started, however the run itself ends.

Run as `python guard.py DIRECTORY PID`: waits until the test run PID is gone or closes this process's standard input,
then ends every process that belongs to the run and removes DIRECTORY. A process belongs to the run when its working
directory lies inside DIRECTORY or its environment carries STRONGROOM_TEST_RUN=DIRECTORY. Both are looked at because
servers that rewrite their title destroy their visible environment, and programs that need the source tree work outside
DIRECTORY.
"""

import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

RUN_VARIABLE = "STRONGROOM_TEST_RUN"
GRACE_SECONDS = 1.0


def _belongs(process: Path, directory: Path) -> bool:
    try:
        if (process / "cwd").readlink().is_relative_to(directory):
            return True
        marker = os.fsencode(f"{RUN_VARIABLE}={directory}")
        return marker in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def members(directory: Path) -> Iterator[int]:
    """Yield the ids of the processes that belong to the run of `directory`, but never this one."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid() and _belongs(process, directory):
            yield int(process.name)


def _signal_members(directory: Path, number: signal.Signals) -> int:
    found = list(members(directory))
    for pid in found:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
    return len(found)


def end_members(directory: Path) -> None:
    """Ask every process of the run to end, and kill what is still there after GRACE_SECONDS."""
    deadline = time.monotonic() + GRACE_SECONDS
    _signal_members(directory, signal.SIGTERM)
    while any(members(directory)) and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline += GRACE_SECONDS
    while _signal_members(directory, signal.SIGKILL) and time.monotonic() < deadline:
        time.sleep(0.05)


def wait_for_end(pid: int) -> None:
    """Return when process `pid` is gone or standard input is closed."""
    waiting = select.poll()
    waiting.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    try:
        waiting.register(os.pidfd_open(pid), select.POLLIN)
    except ProcessLookupError:
        return
    waiting.poll()


def main() -> None:
    """Guard one test run."""
    directory, pid = Path(sys.argv[1]), int(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wait_for_end(pid)
    end_members(directory)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
