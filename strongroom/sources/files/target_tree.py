"""Reaching names inside a restore target without ever leaving it."""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from strongroom.sources.errors import UnsafePathError
from strongroom.sources.files.capture import displayed
from strongroom.sources.files.made import Climber
from strongroom.sources.files.nest import Nest

_KEPT_OPEN = 64
_NEAR = 16
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FORBIDDEN = {b"", b".", b".."}


class TargetTree:
    """The target's directories, opened one name at a time from the root and never through a symbolic link.

    Owns the root's descriptor and keeps the 64 directories used last open. Belongs to one thread.
    """

    def __init__(self, root: int) -> None:
        self._root = Nest(root)
        self._open: OrderedDict[bytes, Nest] = OrderedDict()

    def twin(self) -> "TargetTree":
        """Return another view of the same target, for another thread."""
        return TargetTree(os.dup(self._root.descriptor))

    def close(self) -> None:
        """Give all descriptors back."""
        for nest in self._open.values():
            os.close(nest.descriptor)
        self._open.clear()
        os.close(self._root.descriptor)

    def parent_of(self, path: bytes) -> tuple[int, bytes]:
        """Return the open directory that holds the path, and the name in it; raises OSError, UnsafePathError."""
        nest, name = self.nest_of(path)
        return nest.descriptor, name

    def nest_of(self, path: bytes) -> tuple[Nest, bytes]:
        """Return the open directory that holds the path for making files in it, and the name; raises as parent_of."""
        parent, name = _split(path)
        return self._directory(parent), name

    def _directory(self, path: bytes) -> Nest:
        """Return a directory of the target; it stays open until others push it out."""
        if not path:
            return self._root
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        return self._descend(path)

    def climber(self) -> Climber:
        """Return the way back through the directories that were made."""
        return Climber(self._root.descriptor)

    def _descend(self, path: bytes) -> Nest:
        current = self._nearest_open(path)
        names = (path[len(current) + 1 :] if current else path).split(b"/")
        for name in names:
            _verify_name(name, path)
        with self._passing(self._open.get(current, self._root), names[:-_KEPT_OPEN]) as above:
            current = b"/".join((current, *names[:-_KEPT_OPEN])) if current else b"/".join(names[:-_KEPT_OPEN])
            nest = Nest(above)
            for name in names[-_KEPT_OPEN:]:
                nest = Nest(os.open(name, _DIRECTORY, dir_fd=nest.descriptor))
                current = b"/".join((current, name)) if current else name
                self._keep(current, nest)
        return nest

    @contextmanager
    def _passing(self, start: Nest, names: Sequence[bytes]) -> Iterator[int]:
        """Open the last of these directories, each in the one before, and none of them for longer than that takes."""
        current = os.dup(start.descriptor)
        try:
            for name in names:
                below = os.open(name, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    def _nearest_open(self, path: bytes) -> bytes:
        near = path
        for _ in range(_NEAR):
            if not near or near in self._open:
                return near
            near = near.rpartition(b"/")[0]
        # In a very deep tree it costs less to look at all that is open than at all that is above.
        above = (known for known in self._open if path.startswith(known) and path[len(known) : len(known) + 1] == b"/")
        return max(above, key=len, default=b"")

    def _keep(self, path: bytes, nest: Nest) -> None:
        self._open[path] = nest
        if len(self._open) > _KEPT_OPEN:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest.descriptor)


def _split(path: bytes) -> tuple[bytes, bytes]:
    parent, _, name = path.rpartition(b"/")
    _verify_name(name, path)
    return parent, name


def _verify_name(name: bytes, path: bytes) -> None:
    if name in _FORBIDDEN or b"\0" in name:
        raise UnsafePathError(
            f"The backup names the path {displayed(path)}, which would lead out of the target.",
            next_step="Do not use this backup; verify it, and restore another one.",
        )
