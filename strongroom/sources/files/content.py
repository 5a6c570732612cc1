"""Reading one file: without holes, and knowing whether it kept still."""

import errno
import os
import stat
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NoReturn, Protocol, Self

from strongroom.sources.files.capture import displayed, entry_of, xattrs_of
from strongroom.sources.files.folders import Folder, open_quietly
from strongroom.sources.files.links import LinkTable
from strongroom.sources.files.readahead import ReadAhead
from strongroom.sources.files.sparse import data_segments, holes_between
from strongroom.tree.content import ContentVanishedError, OpenContent, Problem, ProblemKind
from strongroom.tree.entry import Entry

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE}
_REPLACED = "replaced by something that is not a file"


def problem_of(path: bytes, error: OSError) -> Problem:
    """Describe a failed call: VANISHED when the name is no longer there, UNREADABLE otherwise."""
    kind = ProblemKind.VANISHED if error.errno in _GONE else ProblemKind.UNREADABLE
    return Problem(displayed(path), kind, error.strerror or "unknown error")


class NamedContent(ABC):
    """A file that a walk has just yielded; to be opened before the walk takes its next step."""

    __slots__ = ("_ahead", "_entry", "_folder", "_links")
    replayable = True

    def __init__(self, folder: Folder, entry: Entry, links: LinkTable, ahead: ReadAhead) -> None:
        self._folder = folder
        self._entry = entry
        self._links = links
        self._ahead = ahead

    @abstractmethod
    def open(self) -> AbstractContextManager[OpenContent]:
        """Open for reading; raises ContentVanishedError."""

    def _opened(self) -> "tuple[int, Entry, os.stat_result, Folder, ReadAhead]":
        name = self._entry.name
        try:
            descriptor = open_quietly(name, os.O_RDONLY, self._folder.descriptor)
        except OSError as error:
            self._give_up(problem_of(self._folder.path(name), error))
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            self._give_up(Problem(displayed(self._folder.path(name)), ProblemKind.VANISHED, _REPLACED))
        return descriptor, self._entry_now(status), status, self._folder, self._ahead

    def _entry_now(self, status: os.stat_result) -> Entry:
        entry = self._entry
        is_same = status.st_ino == entry.inode
        # The change time moves with everything else that an entry says.
        if is_same and status.st_ctime_ns == entry.ctime_ns and status.st_size == entry.size:
            return entry
        if not is_same:
            self._leave_to_next_name()
        return entry_of(entry.name, status, entry.link_id if is_same else 0)

    def _give_up(self, problem: Problem) -> NoReturn:
        self._leave_to_next_name()
        raise ContentVanishedError(problem)

    def _leave_to_next_name(self) -> None:
        """Have the next name of the file that the walk saw here, if it has one, bring the content."""
        if self._entry.link_id:
            self._links.forget(self._entry.link_id)


class FileContent(NamedContent):
    """The bytes of a file."""

    __slots__ = ()

    def open(self) -> AbstractContextManager[OpenContent]:
        """Open for reading; raises ContentVanishedError."""
        return OpenFile(*self._opened())

    def open_aside(self) -> "OpenFile":
        """Open for another thread, which is to rewind it first and to close it; raises ContentVanishedError."""
        return OpenFile(*self._opened())


class Whereabouts(Protocol):
    """Knows where a file is that is being read."""

    def path(self, name: bytes) -> bytes:
        """Return the path of a name there, relative to the root."""


class OpenFile:
    """A file being read; it ends at the size it had when it was opened, however it grows."""

    __slots__ = ("_ahead", "_before", "_end", "_failure", "_fd", "_folder", "_next", "_offset", "_segments", "entry")

    def __init__(
        self, descriptor: int, entry: Entry, status: os.stat_result, folder: Whereabouts, ahead: ReadAhead | None
    ) -> None:
        self._fd = descriptor
        self._folder = folder
        self._ahead = ahead
        self._begin(entry, status)

    def _begin(self, entry: Entry, status: os.stat_result) -> None:
        self._before = status
        self.entry = entry
        entry.xattrs = xattrs_of(self._fd)
        self._segments = data_segments(self._fd, status)
        self._failure: OSError | None = None
        self._next = self._offset = self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def rewind(self) -> None:
        """Begin at the start, in the calling thread, with the file as the open descriptor shows it now."""
        # Reading ahead belongs to the walking thread; the kernel's own is enough for a large file.
        self._ahead = None
        status = os.fstat(self._fd)
        self._begin(entry_of(self.entry.name, status, self.entry.link_id), status)

    def holes(self) -> list[tuple[int, int]]:
        """Return the (offset, length) of holes, ascending."""
        return holes_between(self._segments, self.entry.size)

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next data bytes; 0 at the end, and where a disk gives nothing back (see settle)."""
        if self._offset == self._end:
            if self._next == len(self._segments):
                return 0
            self._offset, self._end = self._segments[self._next]
            self._next += 1
        left = self._end - self._offset
        try:
            wanted = view if len(view) <= left else view[:left]
            if self._ahead is None:
                got = os.preadv(self._fd, [wanted], self._offset)
            else:
                got = self._ahead.read(self._fd, wanted, self._offset)
        except OSError as error:
            self._failure = error
            return 0
        self._offset += got
        return got

    def settle(self) -> Problem | None:
        """Return None if the file did not change since it was opened and could be read to its end."""
        if self._failure:
            return problem_of(self._folder.path(self.entry.name), self._failure)
        if is_same_version(os.fstat(self._fd), self._before):
            return None
        path = displayed(self._folder.path(self.entry.name))
        return Problem(path, ProblemKind.CHANGED, "written to while it was being read")


def is_same_version(one: os.stat_result, other: os.stat_result) -> bool:
    """Tell whether nothing was written to a file between two looks at it."""
    return (
        one.st_ctime_ns == other.st_ctime_ns and one.st_mtime_ns == other.st_mtime_ns and one.st_size == other.st_size
    )
