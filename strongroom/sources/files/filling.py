"""Writing the bytes of restored files, in whatever order and in however many threads they arrive."""

import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

import msgspec

from strongroom.sources.errors import TargetConflictError
from strongroom.sources.files.attributes import ProblemLog, apply_times, apply_to_descriptor
from strongroom.sources.files.capture import displayed
from strongroom.sources.files.placing import Placer
from strongroom.sources.files.refusals import refusal_of
from strongroom.sources.files.target_tree import TargetTree
from strongroom.tree.content import ProblemKind
from strongroom.tree.entry import Entry, Run

_KEPT_OPEN = 16


class WrittenPiece(Protocol):
    """Bytes of an announced file: its token, where they go, and the bytes."""

    @property
    def token(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def data(self) -> memoryview: ...


class _Unfinished(msgspec.Struct, gc=False):
    """A file that waits for bytes, with no more of its entry than is needed: there may be millions of them."""

    path: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: list[tuple[bytes, bytes]]
    size: int
    bytes_left: int
    is_made: bool = False
    is_skipped: bool = False


class FileFiller:
    """Files that wait for their bytes; each is made at its first byte and gets its metadata at its last.

    A file that comes in one piece is opened once. Stretches that are never written stay holes. `write` is safe among
    threads: files of one piece are written side by side, others one after the other.
    """

    def __init__(self, tree: TargetTree, placer: Placer, problems: ProblemLog) -> None:
        self._tree = tree
        self._placer = placer
        self._problems = problems
        self._waiting: list[_Unfinished | None] = []
        self._open: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()
        self._own = threading.local()
        self._twins: list[TargetTree] = []

    def expect(self, path: bytes, entry: Entry) -> int | None:
        """Announce a file and return its token; one without stored bytes is made at once and has none."""
        stored = sum(extent.length for extent in entry.extents if isinstance(extent, Run))
        file = _Unfinished(path, entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.xattrs, entry.size, stored)
        if stored == 0:
            self._write_whole(self._own_tree(), file, 0, memoryview(b""))
            return None
        self._waiting.append(file)
        return len(self._waiting) - 1

    def write(self, pieces: Iterable[WrittenPiece]) -> int:
        """Put bytes into announced files and return how many; raises TargetFullError, TargetNotWritableError."""
        tree, count = self._own_tree(), 0
        for piece in pieces:
            token, data = piece.token, piece.data
            file = self._waiting[token]
            if file is None:
                raise ValueError("a file gets more bytes than were announced")
            if len(data) == file.bytes_left and not file.is_made and not file.is_skipped:
                self._write_whole(tree, file, piece.offset, data)
                self._waiting[token] = None
            else:
                with self._lock:
                    self._write_part(token, file, piece.offset, data)
            count += len(data)
        return count

    def unfinished(self) -> list[bytes]:
        """Return the files that did not get all their bytes."""
        return sorted(file.path for file in self._waiting if file is not None)

    def close(self) -> None:
        """Close what is open, when no thread writes any more; files that wait stay as they are."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        while self._twins:
            self._twins.pop().close()

    def _write_whole(self, tree: TargetTree, file: _Unfinished, offset: int, data: memoryview) -> None:
        try:
            nest, name = tree.nest_of(file.path)
            made = nest.make_file(name, self._placer, file)
        except OSError as error:
            self._skip(file, error)
            return
        try:
            _put(made.descriptor, offset, data)
            if len(data) != file.size:
                os.ftruncate(made.descriptor, file.size)
            self._apply(made.descriptor, file, is_right=made.is_right)
        except OSError as error:
            self._skip(file, error)
        finally:
            os.close(made.descriptor)

    def _write_part(self, token: int, file: _Unfinished, offset: int, data: memoryview) -> None:
        if not file.is_skipped:
            try:
                _put(self._descriptor(token, file), offset, data)
            except OSError as error:
                self._skip(file, error)
        file.bytes_left -= len(data)
        if file.bytes_left <= 0:
            self._complete(token, file)

    def _descriptor(self, token: int, file: _Unfinished) -> int:
        descriptor = self._open.get(token)
        if descriptor is None:
            descriptor = self._reopen(token, file) if file.is_made else self._make(token, file)
        return descriptor

    def _make(self, token: int, file: _Unfinished) -> int:
        descriptor = self._placer.file(*self._reach(file.path))
        self._keep_open(token, descriptor)
        file.is_made = True
        os.ftruncate(descriptor, file.size)
        return descriptor

    def _reopen(self, token: int, file: _Unfinished) -> int:
        directory, name = self._reach(file.path)
        descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        self._keep_open(token, descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise TargetConflictError(
                f"The file {displayed(file.path)} was replaced while it was being restored.",
                next_step="Restore into a directory that nobody else writes to.",
            )
        return descriptor

    def _keep_open(self, token: int, descriptor: int) -> None:
        self._open[token] = descriptor
        if len(self._open) > _KEPT_OPEN:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)

    def _reach(self, path: bytes) -> tuple[int, bytes]:
        return self._own_tree().parent_of(path)

    def _own_tree(self) -> TargetTree:
        """Return a tree of this thread's own: others cannot close its directories meanwhile."""
        tree: TargetTree | None = getattr(self._own, "tree", None)
        if tree is None:
            tree = self._own.tree = self._tree.twin()
            self._twins.append(tree)
        return tree

    def _skip(self, file: _Unfinished, error: OSError) -> None:
        refusal = refusal_of(error, displayed(file.path))
        if refusal:
            raise refusal from error
        file.is_skipped = True
        self._problems.add(displayed(file.path), ProblemKind.UNSUPPORTED, error.strerror or "cannot be written")

    def _complete(self, token: int, file: _Unfinished) -> None:
        self._waiting[token] = None
        descriptor = self._open.pop(token, None)
        if descriptor is None:
            return
        try:
            self._apply(descriptor, file, is_right=False)
        finally:
            os.close(descriptor)

    def _apply(self, descriptor: int, file: _Unfinished, *, is_right: bool) -> None:
        apply = apply_times if is_right else apply_to_descriptor
        apply(descriptor, file, lambda reason: self._problems.add_once(displayed(file.path), reason))


def _put(descriptor: int, offset: int, data: memoryview) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], offset + written)
