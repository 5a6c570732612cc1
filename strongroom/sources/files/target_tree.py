"""Reaching names inside a restore target without ever leaving it."""

import os
from collections import OrderedDict

from strongroom.sources.errors import UnsafePathError
from strongroom.sources.files.capture import displayed

_KEPT_OPEN = 64
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FORBIDDEN = {b"", b".", b".."}


class TargetTree:
    """The target's directories, opened one name at a time from the root and never through a symbolic link.

    Owns the root's descriptor and keeps the 64 directories used last open. Belongs to one thread.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._open: OrderedDict[bytes, int] = OrderedDict()

    def twin(self) -> "TargetTree":
        """Return another view of the same target, for another thread."""
        return TargetTree(os.dup(self._root))

    def close(self) -> None:
        """Give all descriptors back."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        os.close(self._root)

    def parent_of(self, path: bytes) -> tuple[int, bytes]:
        """Return the open directory that holds the path, and the name in it; raises OSError, UnsafePathError."""
        parent, name = _split(path)
        return self.directory(parent), name

    def directory(self, path: bytes) -> int:
        """Return the descriptor of a directory of the target; it stays open until others push it out."""
        if not path:
            return self._root
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        return self._descend(path)

    def _descend(self, path: bytes) -> int:
        current, missing = self._nearest_open(path)
        for name in reversed(missing):
            descriptor = os.open(name, _DIRECTORY, dir_fd=self._open.get(current, self._root))
            current = b"/".join((current, name)) if current else name
            self._keep(current, descriptor)
        return self._open[path]

    def _nearest_open(self, path: bytes) -> tuple[bytes, list[bytes]]:
        missing = []
        while path and path not in self._open:
            path, name = _split(path)
            missing.append(name)
        return path, missing

    def _keep(self, path: bytes, descriptor: int) -> None:
        self._open[path] = descriptor
        if len(self._open) > _KEPT_OPEN:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)


def _split(path: bytes) -> tuple[bytes, bytes]:
    parent, _, name = path.rpartition(b"/")
    if name in _FORBIDDEN or b"\0" in name:
        raise UnsafePathError(
            f"The backup names the path {displayed(path)}, which would lead out of the target.",
            next_step="Do not use this backup; verify it, and restore another one.",
        )
    return parent, name
