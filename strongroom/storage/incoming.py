"""Objects on their way into a directory: written and synced under another name, locked while their writer lives."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.storage.direct import write_parts
from strongroom.storage.store import Body
from strongroom.storage.throttle import Meter


@contextmanager
def incoming_file(folder: Path, body: Body, meter: Meter) -> Iterator[Path]:
    """Yield a synced file in folder that holds body; whatever is left of it is removed at the end. Raises OSError."""
    path, descriptor = _open_locked(folder)
    try:
        write_parts(descriptor, meter.slices(body), memoryview(body).nbytes)
        os.fsync(descriptor)
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def sweep_incoming(folder: Path) -> None:
    """Remove what writers that died have left; files of live writers are locked and stay."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(FileNotFoundError, BlockingIOError):
            _remove_unlocked(path)


def sync_directory(folder: Path) -> None:
    """Make the names in folder durable; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_locked(folder: Path) -> tuple[Path, int]:
    # A sweep may meet the file before it is locked and remove it; then it has no name any more and another is made.
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return path, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove_unlocked(path: Path) -> None:
    # Open for writing, though nothing is: else NFS has no exclusive lock for it.
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
