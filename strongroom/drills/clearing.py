"""Removing the place of a drill, also one whose process was killed: its server is ended, then its files go."""

import os
import shutil
import signal
import stat
from contextlib import suppress
from pathlib import Path

from strongroom.clock import Clock

SERVER = "server"
_ATTEMPTS = 50
_PAUSE_SECONDS = 0.2


def remove_place(directory: Path, clock: Clock) -> None:
    """End the server that works below the directory, and remove everything; what is in use is tried again for 10 s."""
    for _ in range(_ATTEMPTS):
        _end_server(directory)
        _make_removable(directory)
        shutil.rmtree(directory, ignore_errors=True)
        if not os.path.lexists(directory):
            return
        clock.sleep(_PAUSE_SECONDS)


def _end_server(directory: Path) -> None:
    data = directory / SERVER / "data"
    with suppress(OSError, ValueError, IndexError):
        number = int((data / "postmaster.pid").read_text().splitlines()[0])
        # The number may belong to somebody else by now.
        if os.fsencode(data) in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0"):
            os.kill(number, signal.SIGQUIT)


def _make_removable(directory: Path) -> None:
    """Give the owner all rights on directories: a restored tree may deny them even to whoever restored it."""
    for at, names, _ in os.walk(directory):
        for name in names:
            _open_up(Path(at, name))


def _open_up(path: Path) -> None:
    # A link to a directory is listed as one, and what it points to is none of ours.
    with suppress(OSError):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            path.chmod(0o700)
