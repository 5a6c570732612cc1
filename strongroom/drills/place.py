"""Where a drill works: a private empty directory, which no crash leaves behind."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.clock import Clock
from strongroom.drills.clearing import remove_place
from strongroom.drills.errors import DrillPlaceError, NoRoomForDrillError
from strongroom.drills.guardian import IN_ORDER
from strongroom.settings import Settings
from strongroom.sources.leftovers import LOCK, leftovers

_PREFIX = "strongroom-drill-"
_PROGRAM = "from strongroom.drills.guardian import main; main()"


@contextmanager
def drill_place(settings: Settings, wanted_bytes: int, clock: Clock) -> Iterator[Path]:
    """Give an empty directory with so much room, and remove it afterwards; what killed drills left is removed first.

    A process of its own stands by and removes it when this one is killed. Raises NoRoomForDrillError, DrillPlaceError.
    """
    base = drills_directory(settings)
    _prepare(base)
    sweep(base, clock)
    verify_room(base, wanted_bytes)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base)).resolve()
    try:
        with (directory / LOCK).open("wb") as lock:
            # Whoever holds this is alive: it goes with the process and its guardian.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.geteuid() == 0:
                # A server that root starts runs as another account, which has to get at its own directory below.
                directory.chmod(0o711)
            with _guarded(directory, lock.fileno(), clock):
                yield directory
    finally:
        remove_place(directory, clock)


def _prepare(base: Path) -> None:
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(base, error.strerror or "") from error
    if not os.access(base, os.W_OK | os.X_OK):
        raise _unusable(base, "it may not be written to")


def _unusable(base: Path, why: str) -> DrillPlaceError:
    return DrillPlaceError(
        f"The directory {base} cannot be used for drills: {why}.",
        next_step="Name another one in [drills], or let the worker write to it.",
    )


def drills_directory(settings: Settings) -> Path:
    """Return the directory that drills make theirs in."""
    if settings.drills.directory is not None:
        return settings.drills.directory
    # The account that a scratch server of root runs as cannot pass through a private directory.
    return Path(tempfile.gettempdir()) if os.geteuid() == 0 else settings.scratch_dir


def verify_room(base: Path, wanted_bytes: int) -> None:
    """Check the free space of an existing directory's file system; raises NoRoomForDrillError."""
    free = shutil.disk_usage(base).free
    if free < wanted_bytes:
        raise NoRoomForDrillError(
            f"{base} has {free >> 20} MiB free, and the drill needs about {wanted_bytes >> 20} MiB.",
            next_step="Make room there, or name a larger directory in [drills].",
        )


def sweep(base: Path, clock: Clock) -> None:
    """Remove the places of drills that are not being held any more."""
    for directory in leftovers(base, _PREFIX):
        remove_place(directory, clock)


@contextmanager
def _guarded(directory: Path, lock: int, clock: Clock) -> Iterator[None]:
    # Isolated from the caller's environment, which holds secrets, and from the directory it works in.
    command = [sys.executable, "-I", "-c", _PROGRAM, str(directory)]
    guardian = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(lock,),
        start_new_session=True,
        cwd="/",
        env={},
    )
    try:
        yield
    finally:
        remove_place(directory, clock)
        with suppress(OSError):
            guardian.communicate(IN_ORDER)
