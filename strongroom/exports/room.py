"""Whether there is room on a disk, asked before anything is written."""

import shutil
from collections.abc import Callable
from pathlib import Path

from strongroom.exports.errors import NoRoomError

SPARE = 64 << 20
"""Bytes that stay free: a disk that is full to the last block stops others too."""

Free = Callable[[Path], int]
"""Returns the free bytes of the file system that a path is, or would be, on."""


def free_bytes(path: Path) -> int:
    """Return what an ordinary user may still write there."""
    return shutil.disk_usage(next(one for one in (path, *path.parents) if one.exists())).free


def verify_room(path: Path, needed: int, free: Free = free_bytes) -> None:
    """Return when so many bytes fit, and some to spare; raises NoRoomError."""
    found = free(path)
    if found < needed + SPARE:
        raise NoRoomError(
            f"{path} has {found >> 20} MiB free, and {(needed + SPARE) >> 20} MiB are needed.",
            next_step="Make room there, delete old exports with --retention-days or --keep, or name another directory.",
            free_bytes=found,
            needed_bytes=needed + SPARE,
        )
