"""A private directory for data that has to lie on a disk for a while, which no crash leaves behind for good."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.sources.errors import ScratchFullError
from strongroom.sources.leftovers import LOCK, leftovers

_PREFIX = "spool-"
_DATA = "data"


@contextmanager
def spool(scratch: Path, expected_bytes: int) -> Iterator[Path]:
    """Give a path in a directory of mode 700 where a file or directory may be made; removes it afterwards.

    Spools of processes that were killed are removed first. Raises ScratchFullError if expected_bytes do not fit.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    for directory in leftovers(scratch, _PREFIX):
        shutil.rmtree(directory, ignore_errors=True)
    verify_room(scratch, expected_bytes)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch))
    try:
        # Whoever holds this lock is alive: it goes with the process.
        with (directory / LOCK).open("wb") as lock:
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
