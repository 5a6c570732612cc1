"""Reading ahead: while one file is read, a second walk has the kernel fetch those that come next."""

import errno
import os
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from types import TracebackType
from typing import Self

from strongroom.errors import StrongroomError
from strongroom.sources.files.folders import Folder, open_quietly
from strongroom.tracing import carried

FETCHED_BYTES = 1024 * 1024
"""Fetched of one file at most; the kernel itself reads ahead in a file that is read from its start."""

AHEAD_BYTES = 32 * 1024 * 1024
FIRST_BYTES = 512 * 1024
FILE_BYTES = 16 * 1024
"""A file counts as so many bytes more than it has, so that the distance is bounded in files too: 2,048 of them."""

_ENOUGH_MISSES = 4
_FILES_BETWEEN_FORGETTING = 64
_WARM_IN_A_ROW = 256
_WAKE_BYTES = 256 * 1024

NextFile = tuple[Folder, bytes, int]
"""The open directory, the name in it and the size of a file that a walk will come to."""

Course = Callable[[], Generator[NextFile]]
"""Returns the files from where a walk stands to its end, in its order; raises OSError."""


class ReadAhead:
    """Knows whether the files of a walk have to come from the disk, and only then has them fetched ahead of it.

    Belongs to the walking thread. What cannot be opened ahead is left for the walk to find.
    """

    def __init__(self) -> None:
        self._flags = os.RWF_NOWAIT
        self._misses = self._files = 0
        self._scout: Scout | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def read(self, descriptor: int, view: memoryview, offset: int) -> int:
        """Read from a file and take note of whether that had to wait for a disk; raises OSError."""
        try:
            return os.preadv(descriptor, [view], offset, self._flags)
        except BlockingIOError:
            self._misses += 1
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            # A file system that cannot say gets no reading ahead.
            self._flags = 0
        return os.preadv(descriptor, [view], offset)

    def come_to(self, size: int, course: Course) -> None:
        """Take note of the file that the walk is going to read."""
        if self._scout is not None:
            if not self._scout.follow(size):
                self.stop()
        elif self._misses:
            self._files += 1
            if self._misses >= _ENOUGH_MISSES:
                self._start(course)
            elif self._files % _FILES_BETWEEN_FORGETTING == 0:
                self._misses = 0

    def stop(self) -> None:
        """Fetch nothing any more until several files are missed again."""
        self._misses = 0
        if self._scout is not None:
            self._scout.stop()
            self._scout = None

    def _start(self, course: Course) -> None:
        self._misses = 0
        # Without descriptors left there is no reading ahead.
        with suppress(OSError):
            self._scout = Scout(course())


class Scout:
    """The thread that goes ahead: a little at first, and as far as it was followed until it is 32 MiB."""

    def __init__(self, course: Generator[NextFile]) -> None:
        self._course = course
        self._sent = self._passed = self._woken = 0
        self._wake = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=carried(self._run), name="read-ahead")
        self._thread.start()

    def follow(self, size: int) -> bool:
        """Count a file that the walk came to; return whether the thread is still going ahead."""
        self._passed += _weight(size)
        if self._passed - self._woken >= _WAKE_BYTES:
            self._woken = self._passed
            self._wake.set()
        return not self._over

    def stop(self) -> None:
        """Stop, and wait for the call to the kernel that is under way."""
        self._over = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError, StrongroomError), closing(self._course) as course:
            self._fetch_all(course)
        self._over = True

    def _fetch_all(self, course: Iterable[NextFile]) -> None:
        warm = 0
        for folder, name, size in course:
            self._sent += _weight(size)
            # Where the walk is already, only leaving the file to it lets this thread get ahead again.
            if self._sent > self._passed:
                warm = 0 if _fetch(folder.descriptor, name, size) else warm + 1
            while self._is_far() and not self._over:
                self._wait()
            if self._over or warm == _WARM_IN_A_ROW:
                break

    def _is_far(self) -> bool:
        return self._sent - self._passed > min(AHEAD_BYTES, FIRST_BYTES + self._passed)

    def _wait(self) -> None:
        self._wake.clear()
        # Asked again, since the walk may have come along before the event was cleared.
        if self._is_far() and not self._over:
            self._wake.wait()


def _weight(size: int) -> int:
    return FILE_BYTES + min(size, FETCHED_BYTES)


def _fetch(directory: int, name: bytes, size: int) -> bool:
    """Have the kernel fetch the start of a file, without waiting for it; return whether it was not in memory."""
    if not size:
        return False
    try:
        descriptor = open_quietly(name, os.O_RDONLY, directory)
    except OSError:
        return False
    try:
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        os.posix_fadvise(descriptor, 0, min(size, FETCHED_BYTES), os.POSIX_FADV_WILLNEED)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
