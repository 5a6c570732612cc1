"""Directories of processes that were killed: each has a lock file, which its process holds as long as it lives."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

LOCK = "lock"
"""The file in such a directory that is locked."""


def leftovers(base: Path, prefix: str) -> Iterator[Path]:
    """Yield the directories in `base` whose names begin so and whose process is gone, each locked until the next."""
    for directory in base.glob(f"{prefix}*"):
        try:
            # Open for writing, though nothing is: else NFS has no exclusive lock for it.
            descriptor = os.open(directory / LOCK, os.O_RDWR)
        except OSError:
            # Made this moment, or being removed by its owner.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            yield directory
        finally:
            os.close(descriptor)
