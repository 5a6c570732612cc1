"""A private directory for data that has to lie on a disk for a while, which no crash leaves behind for good."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.sources.errors import ScratchFullError

_PREFIX = "spool-"
_LOCK = "lock"
_DATA = "data"


@contextmanager
def spool(scratch: Path, expected_bytes: int) -> Iterator[Path]:
    """Give a path in a directory of mode 700 where a file or directory may be made; removes it afterwards.

    Spools of processes that were killed are removed first. Raises ScratchFullError if expected_bytes do not fit.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(scratch)
    verify_room(scratch, expected_bytes)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch))
    try:
        # Whoever holds this lock is alive: it goes with the process.
        with (directory / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory / _DATA
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def verify_room(scratch: Path, expected_bytes: int) -> None:
    """Check the free space of an existing directory's file system; raises ScratchFullError."""
    free = shutil.disk_usage(scratch).free
    if free < expected_bytes:
        raise ScratchFullError(
            f"The scratch directory {scratch} has {free >> 20} MiB free; about {expected_bytes >> 20} MiB are needed.",
            next_step="Make room there or move data_dir; one job and the custom format need no room.",
        )


def _sweep(scratch: Path) -> None:
    for directory in scratch.glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(directory / _LOCK, os.O_RDONLY)
        except OSError:
            # Made this moment, or being removed by its owner.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(descriptor)
