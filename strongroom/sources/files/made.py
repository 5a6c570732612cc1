"""The directories that a restore has made, and the way back through them from the bottom up."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.sources.errors import TargetConflictError
from strongroom.sources.files.capture import displayed
from strongroom.tree.entry import Entry

_KEPT_OPEN = 64
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True, eq=False)
class MadeDirectory:
    """A directory of the target. It knows its name only: ten thousand of them in each other take no more room so."""

    name: bytes
    parent: "MadeDirectory | None"
    depth: int

    def path(self) -> bytes:
        """Return the path relative to the target."""
        names = []
        one: MadeDirectory | None = self
        while one is not None and one.parent is not None:
            names.append(one.name)
            one = one.parent
        return b"/".join(reversed(names))


class MadeDirectories:
    """Notes directories in tree order; the target itself is b""."""

    def __init__(self) -> None:
        self._all: list[tuple[MadeDirectory, Entry]] = []
        self._last, self._path = MadeDirectory(b"", None, 0), b""

    def add(self, path: bytes, entry: Entry) -> None:
        """Note a directory; raises FileNotFoundError where the one above it was not made."""
        above, _, name = path.rpartition(b"/")
        parent = self._up_to(above)
        if path:
            self._last, self._path = MadeDirectory(name, parent, parent.depth + 1), path
        self._all.append((self._last, entry))

    def bottom_up(self) -> Iterator[tuple[MadeDirectory, Entry]]:
        """Yield every directory after all that is below it, with what it is to become."""
        return reversed(self._all)

    def _up_to(self, path: bytes) -> MadeDirectory:
        """Return the directory of this path, which is above the one that was noted last, or is that one."""
        one, length = self._last, len(self._path)
        while one.parent is not None and length > len(path):
            length = max(0, length - len(one.name) - 1)
            one = one.parent
        if self._path[:length] != path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return one


@dataclass(slots=True)
class _Level:
    made: MadeDirectory
    descriptor: int
    identity: tuple[int, int]


class Climber:
    """Opens made directories in the order of `bottom_up`, each once, and never through a symbolic link.

    Only the nearest 64 are held open. One further up is found again through "..", and recognised by its inode number,
    while the one below it still has the rights that it was made with.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._levels: list[_Level] = []

    def close(self) -> None:
        """Give all descriptors back, but the root's."""
        while self._levels:
            self._leave()

    def reach(self, made: MadeDirectory) -> int:
        """Return the descriptor of a directory until the next is asked for; raises OSError, TargetConflictError."""
        missing = []
        one: MadeDirectory | None = made
        while one is not None and not self._is_in(one):
            missing.append(one)
            one = one.parent
        while self._levels and self._levels[-1].made is not one:
            self._leave()
        for below in reversed(missing):
            self._enter(below)
        self._reopen_above()
        return self._levels[-1].descriptor

    def _is_in(self, made: MadeDirectory) -> bool:
        return made.depth < len(self._levels) and self._levels[made.depth].made is made

    def _enter(self, made: MadeDirectory) -> None:
        if made.parent is None:
            descriptor = os.dup(self._root)
        else:
            descriptor = os.open(made.name, _DIRECTORY, dir_fd=self._levels[-1].descriptor)
        self._levels.append(_Level(made, descriptor, _identity(descriptor)))
        if len(self._levels) > _KEPT_OPEN:
            _close(self._levels[-1 - _KEPT_OPEN])

    def _leave(self) -> None:
        _close(self._levels.pop())

    def _reopen_above(self) -> None:
        if len(self._levels) < 2 or self._levels[-2].descriptor >= 0:
            return
        above, below = self._levels[-2:]
        descriptor = os.open("..", _DIRECTORY, dir_fd=below.descriptor)
        if _identity(descriptor) != above.identity:
            os.close(descriptor)
            raise TargetConflictError(
                f"The directory {displayed(below.made.path())} was moved while it was being restored.",
                next_step="Restore into a directory that nobody else writes to.",
            )
        above.descriptor = descriptor


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _close(level: _Level) -> None:
    if level.descriptor >= 0:
        os.close(level.descriptor)
        level.descriptor = -1
