"""Files that only their owner may read, replaced whole and one writer at a time."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_BYTES = 1 << 20


class NotPrivateError(OSError):
    """Somebody else may read or change the file, or it is not a plain file of a sensible size."""


def read_private(path: Path) -> bytes:
    """Return the file's bytes; raises NotPrivateError unless group and others have no access, and OSError."""
    # A pipe in its place would have us wait for whoever writes to it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
            raise NotPrivateError("it is not a plain file of at most 1 MiB")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NotPrivateError(f"its mode is {stat.S_IMODE(found.st_mode):04o}, open to other users")
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Put a file of mode 0600 in place, synced, all or nothing; the caller holds the lock. Raises OSError.

    What a symbolic link leads to is replaced, not the link: the old content would stay behind it for others to read.
    """
    place = path.resolve()
    beside = place.with_name(f"{place.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)
    _sync_folder(place.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other writers of path out, in this process and others, by a lock on `<path>.lock`; raises OSError.

    The lock is beside what a symbolic link leads to, so that who uses the link and who does not take turns.
    """
    place = path.resolve()
    # A link that somebody put in the place of the lock would have us make a file wherever it leads to.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(place.with_name(f"{place.name}.lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
