"""The process behind a lookout: walks a tree by the rules of the walk it serves, and writes down what it sees.

It reads the fields of one Task from its standard input and writes batches to its standard output: four bytes of length,
big endian, and so many of a list of runs in Python's own format, as both ends are the same Python. A run is a list of
tuples, each the fields of a Sighting: regular files with one name that follow each other, or one of anything else. They
come in the order of the walk; the sighting of a directory is followed by those of what is in it, and these by END or,
in place of all of them, by UNTOLD.

It imports next to nothing: with msgspec and the classes of the walk it took nearly three times as long to start.
"""

import marshal
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from strongroom.sources.files.folders import Folder, FolderStack, names_in, open_quietly

if TYPE_CHECKING:
    from strongroom.sources.files.exclusion import Exclusion

GONE = 0
"""In place of a mode: the name could not be looked up."""

END = 1
"""In place of a mode, which has no file type then: all of a directory was told."""

UNTOLD = 2
"""In place of a mode as well: nothing is told of a directory that could not be opened or listed, or is another now."""

_BATCH = 256
_LONGEST_RUN = 64

Fields = tuple[bytes | int, ...]


class _Teller:
    def __init__(self, root: int, exclude: Sequence[str], include: Sequence[str], *, one_file_system: bool) -> None:
        # Not the descriptor that the walk has as well: they would share the place up to which the root was listed.
        self._folders = FolderStack.at_root(open_quietly(b".", os.O_RDONLY | os.O_DIRECTORY, root))
        self._exclusion = _exclusion(exclude, include) if exclude or include else None
        self._one_file_system = one_file_system
        self._pending: list[list[bytes]] = []
        self._batch: list[list[Fields]] = []
        self._files: list[Fields] = []
        self._count = 0

    def tell(self) -> None:
        self._begin(self._folders.root)
        while self._pending:
            if not self._look_through(self._pending[-1]):
                self._pending.pop()
                self._folders.leave()
                self._say((b"", END))
        self._flush()

    def _begin(self, folder: Folder) -> None:
        is_foreign = self._one_file_system and folder.device != self._folders.root.device
        try:
            self._pending.append([] if is_foreign else names_in(folder))
        except OSError:
            self._folders.leave()
            self._say((b"", UNTOLD))

    def _look_through(self, names: list[bytes]) -> bool:
        """Look names up until one is a directory, and go into that one; False at the end of the names."""
        folder, exclusion = self._folders.current, self._exclusion
        while names:
            name = names.pop()
            try:
                status = os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False)
            except OSError:
                self._say((name, GONE))
                continue
            mode = status.st_mode
            if exclusion and exclusion.covers(folder.path(name), is_directory=stat.S_ISDIR(mode)):
                continue
            # Nearly all names end here, in as few calls as can be.
            if stat.S_ISREG(mode) and status.st_nlink == 1:
                self._files.append(_sighting(name, status))
                if len(self._files) == _LONGEST_RUN:
                    self._end_run()
                continue
            self._say(_sighting(name, status))
            if stat.S_ISDIR(mode):
                self._enter(name, status)
                return True
        return False

    def _enter(self, name: bytes, status: os.stat_result) -> None:
        try:
            folder = self._folders.enter(name)
        except OSError:
            self._say((b"", UNTOLD))
            return
        if (folder.device, folder.inode) == (status.st_dev, status.st_ino):
            self._begin(folder)
        else:
            self._folders.leave()
            self._say((b"", UNTOLD))

    def _say(self, sighting: Fields) -> None:
        self._end_run()
        self._add([sighting])

    def _end_run(self) -> None:
        if self._files:
            self._add(self._files)
            self._files = []

    def _add(self, run: list[Fields]) -> None:
        self._batch.append(run)
        self._count += len(run)
        if self._count >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        body = marshal.dumps(self._batch)
        self._batch.clear()
        self._count = 0
        rest = memoryview(len(body).to_bytes(4, "big") + body)
        while rest:
            rest = rest[os.write(sys.stdout.fileno(), rest) :]


def _exclusion(exclude: Sequence[str], include: Sequence[str]) -> "Exclusion":
    # Imported where there are patterns, which few sources have.
    from strongroom.sources.files.exclusion import Exclusion

    return Exclusion(exclude, include)


def _sighting(name: bytes, status: os.stat_result) -> Fields:
    return (
        name,
        status.st_mode,
        status.st_ino,
        status.st_dev,
        status.st_nlink,
        status.st_uid,
        status.st_gid,
        status.st_rdev,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def main() -> None:
    """Tell of the tree that standard input names, until all is told or nobody reads it any more."""
    root, exclude, include, one_file_system = marshal.loads(sys.stdin.buffer.read())  # noqa: S302 - from who started it
    # Whoever reads this sees that it ended early, and walks the rest alone; so it does after any other error.
    with suppress(OSError, KeyboardInterrupt):
        _Teller(root, exclude, include, one_file_system=one_file_system).tell()
