"""Processes of an installation whose supervisor was killed: nobody starts them again, and nobody would end them."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stack.installation import MARKER, Installation
from stack.programs import broker_program
from strongroom.clock import Clock

SECONDS_TO_END = 40.0
SECONDS_BETWEEN_LOOKS = 0.2


def end_orphans(installation: Installation, clock: Clock) -> int:
    """Ask what is left to end, kill what does not, and return how many there were; only while no supervisor runs."""
    found = list(_orphans(installation))
    deadline = clock.monotonic() + SECONDS_TO_END
    _signal(found, signal.SIGTERM)
    while (left := list(_orphans(installation))) and clock.monotonic() < deadline:
        clock.sleep(SECONDS_BETWEEN_LOOKS)
    _signal(left, signal.SIGKILL)
    return len(found)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _orphans(installation: Installation) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and _belongs(process, installation):
            yield int(process.name)


def _belongs(process: Path, installation: Installation) -> bool:
    marker = os.fsencode(f"{MARKER}={installation.directory}")
    try:
        if marker in (process / "environ").read_bytes().split(b"\0"):
            return True
        # The broker writes its title over its environment.
        return (process / "cwd").readlink() == installation.run and (process / "exe").samefile(broker_program())
    except OSError:
        return False
