"""Writing the bytes of restored files, in whatever order they arrive."""

import os
import stat
from collections import OrderedDict
from dataclasses import dataclass

from strongroom.sources.errors import TargetConflictError
from strongroom.sources.files.attributes import ProblemLog, apply_to_descriptor
from strongroom.sources.files.capture import displayed
from strongroom.sources.files.placing import Placer
from strongroom.sources.files.refusals import refusal_of
from strongroom.sources.files.target_tree import TargetTree
from strongroom.tree.content import ProblemKind
from strongroom.tree.entry import Entry, Run

_KEPT_OPEN = 16


@dataclass(slots=True)
class _Unfinished:
    entry: Entry
    bytes_left: int
    is_made: bool = False
    is_skipped: bool = False


class FileFiller:
    """Files that wait for their bytes; each is made at its first byte and gets its metadata at its last.

    A file that comes in one piece is opened once. Stretches that are never written stay holes.
    """

    def __init__(self, tree: TargetTree, placer: Placer, problems: ProblemLog) -> None:
        self._tree = tree
        self._placer = placer
        self._problems = problems
        self._waiting: dict[bytes, _Unfinished] = {}
        self._open: OrderedDict[bytes, int] = OrderedDict()

    def expect(self, path: bytes, entry: Entry) -> None:
        """Announce a file; one without stored bytes is made at once."""
        stored = sum(extent.length for extent in entry.extents if isinstance(extent, Run))
        self._waiting[path] = _Unfinished(entry, stored)
        if stored == 0:
            self.write(path, 0, memoryview(b""))

    def write(self, path: bytes, offset: int, data: memoryview) -> None:
        """Put bytes at an offset of an announced file; raises TargetFullError, TargetNotWritableError."""
        file = self._waiting[path]
        if not file.is_skipped:
            try:
                self._put(path, file, offset, data)
            except OSError as error:
                self._skip(path, file, error)
        file.bytes_left -= len(data)
        if file.bytes_left <= 0:
            self._complete(path, file)

    def unfinished(self) -> list[bytes]:
        """Return the files that did not get all their bytes."""
        return sorted(self._waiting)

    def close(self) -> None:
        """Close what is open; files that wait stay as they are."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _put(self, path: bytes, file: _Unfinished, offset: int, data: memoryview) -> None:
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._reopen(path) if file.is_made else self._make(path, file, len(data))
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], offset + written)

    def _make(self, path: bytes, file: _Unfinished, first_bytes: int) -> int:
        descriptor = self._placer.file(*self._tree.parent_of(path))
        self._keep_open(path, descriptor)
        file.is_made = True
        if first_bytes != file.entry.size:
            os.ftruncate(descriptor, file.entry.size)
        return descriptor

    def _reopen(self, path: bytes) -> int:
        directory, name = self._tree.parent_of(path)
        descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        self._keep_open(path, descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise TargetConflictError(
                f"The file {displayed(path)} was replaced while it was being restored.",
                next_step="Restore into a directory that nobody else writes to.",
            )
        return descriptor

    def _keep_open(self, path: bytes, descriptor: int) -> None:
        self._open[path] = descriptor
        if len(self._open) > _KEPT_OPEN:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)

    def _skip(self, path: bytes, file: _Unfinished, error: OSError) -> None:
        refusal = refusal_of(error, displayed(path))
        if refusal:
            raise refusal from error
        file.is_skipped = True
        self._problems.add(displayed(path), ProblemKind.UNSUPPORTED, error.strerror or "cannot be written")

    def _complete(self, path: bytes, file: _Unfinished) -> None:
        del self._waiting[path]
        descriptor = self._open.pop(path, None)
        if descriptor is None:
            return
        try:
            apply_to_descriptor(descriptor, file.entry, lambda reason: self._problems.add_once(displayed(path), reason))
        finally:
            os.close(descriptor)
