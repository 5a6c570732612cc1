"""Reading a log: it may grow while it is read, and can be read from any place on."""

import os
from contextlib import AbstractContextManager

from strongroom.sources.files.capture import displayed
from strongroom.sources.files.content import NamedContent, OpenFile
from strongroom.sources.files.folders import Folder
from strongroom.sources.files.readahead import ReadAhead
from strongroom.tree.content import OpenContent, Problem, ProblemKind
from strongroom.tree.entry import Entry

_LAST_BYTES = 4096


class LogContent(NamedContent):
    """The bytes of a file that is written at its end only."""

    __slots__ = ()

    def open(self) -> AbstractContextManager[OpenContent]:
        """Open for reading; raises ContentVanishedError."""
        return OpenLog(*self._opened())


class OpenLog(OpenFile):
    """A log being read, up to the size it had when it was opened; it may grow meanwhile, but not shrink."""

    __slots__ = ("_last", "_last_end")

    def __init__(self, descriptor: int, entry: Entry, status: os.stat_result, folder: Folder, ahead: ReadAhead) -> None:
        super().__init__(descriptor, entry, status, folder, ahead)
        self.seek(0)

    def seek(self, offset: int) -> None:
        """Have the next bytes read from an offset on."""
        self._next = sum(start <= offset for start, _ in self._segments)
        end = self._segments[self._next - 1][1] if self._next else 0
        self._offset, self._end = offset, max(offset, end)
        self._last, self._last_end = b"", offset

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next data bytes; 0 at the end."""
        count = super().readinto(view)
        if count:
            self._last = bytes(view[max(0, count - _LAST_BYTES) : count])
            self._last_end = self._offset
        return count

    def settle(self) -> Problem | None:
        """Return None if the file was at most appended to since it was opened."""
        problem = super().settle()
        if problem is None or problem.kind is not ProblemKind.CHANGED or self._has_only_grown():
            return None if self._failure is None else problem
        path = displayed(self._folder.path(self.entry.name))
        return Problem(path, ProblemKind.CHANGED, "cut short or written over while it was being read")

    def _has_only_grown(self) -> bool:
        """Tell whether all was there to be read, and what was read last is where it was."""
        end = self._segments[-1][1] if self._segments else 0
        if self._last_end != end or os.fstat(self._fd).st_size < self.entry.size:
            return False
        return os.pread(self._fd, len(self._last), self._last_end - len(self._last)) == self._last
