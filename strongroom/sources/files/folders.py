"""The open directories between the root of a walk and where it stands."""

import copy
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from operator import methodcaller
from types import TracebackType
from typing import Self

_AS_BYTES = methodcaller("encode", sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
"""What `os.fsencode` does, without asking of every name what it is."""

_KEPT_OPEN = 64
_QUIET = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOATIME


def open_quietly(name: bytes, flags: int, directory: int) -> int:
    """Open for reading without following a link, without blocking on a fifo, and without touching the access time."""
    try:
        return os.open(name, flags | _QUIET, dir_fd=directory)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
        # Only the owner of a file may leave its access time alone.
        return os.open(name, flags | _QUIET & ~os.O_NOATIME, dir_fd=directory)


class Folder:
    """One directory on the way; its descriptor is -1 while it is closed."""

    __slots__ = ("descriptor", "device", "inode", "name", "parent", "status")

    def __init__(self, name: bytes, descriptor: int, parent: "Folder | None" = None) -> None:
        self.status = os.fstat(descriptor)
        self.name = name
        self.descriptor = descriptor
        self.device = self.status.st_dev
        self.inode = self.status.st_ino
        self.parent = parent

    def path(self, name: bytes = b"") -> bytes:
        """Return the path of a name in this directory, relative to the root."""
        parts = [name] if name else []
        folder: Folder | None = self
        while folder is not None and folder.parent is not None:
            parts.append(folder.name)
            folder = folder.parent
        return b"/".join(reversed(parts))

    def close(self) -> None:
        """Give the descriptor back; harmless when it is closed already."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def twin(self) -> "Folder":
        """Return the same directory with a descriptor of its own; raises OSError."""
        twin = copy.copy(self)
        if self.descriptor >= 0:
            twin.descriptor = os.dup(self.descriptor)
        return twin

    def is_same(self, descriptor: int) -> bool:
        """Tell whether the descriptor shows this very directory."""
        status = os.fstat(descriptor)
        return (status.st_dev, status.st_ino) == (self.device, self.inode)


def names_in(folder: Folder) -> list[bytes]:
    """Return the names in an open directory last first, to be taken from the end; raises OSError."""
    names = os.listdir(folder.descriptor)  # noqa: PTH208 - a descriptor has no pathlib spelling
    return sorted(map(_AS_BYTES, names), reverse=True)


def names_by_kind(folder: Folder, others: set[bytes]) -> list[bytes]:
    """Return what `names_in` does, and add to others what the directory does not list as regular files; raises OSError.

    What a name stands for may be something else by the time that it is opened.
    """
    names = []
    with os.scandir(folder.descriptor) as listed:
        for one in listed:
            name = _AS_BYTES(one.name)
            names.append(name)
            if not _is_listed_as_file(one):
                others.add(name)
    names.sort(reverse=True)
    return names


def _is_listed_as_file(listed: "os.DirEntry[str]") -> bool:
    try:
        return listed.is_file(follow_symlinks=False)
    except OSError:
        # The file system keeps no types in directories, and the name cannot be looked up.
        return False


def names_anew(folder: Folder) -> list[bytes]:
    """Return the same where others may have listed the directory through a duplicate of the descriptor; raises OSError.

    They share the place up to which it was read: what they have passed, or pass meanwhile, would be missing.
    """
    descriptor = open_quietly(b".", os.O_RDONLY | os.O_DIRECTORY, folder.descriptor)
    try:
        return names_in(Folder(folder.name, descriptor))
    finally:
        os.close(descriptor)


class FolderStack:
    """The way down from the root, as descriptors: no path is ever resolved twice, and any depth can be walked.

    Only the nearest 64 directories are held open; those above are found again through "..", and recognised by their
    inode number. Owns the root's descriptor.
    """

    def __init__(self, folders: Iterable[Folder]) -> None:
        self._folders = list(folders)

    @classmethod
    def at_root(cls, root: int) -> Self:
        """Begin with the directory that a descriptor shows."""
        return cls([Folder(b"", root)])

    def twin(self) -> "FolderStack":
        """Return the same way down with descriptors of its own; raises OSError."""
        twin = FolderStack([])
        try:
            twin._folders.extend(folder.twin() for folder in self._folders)
        except OSError:
            twin.close()
            raise
        return twin

    def close(self) -> None:
        """Give all descriptors back."""
        for folder in self._folders:
            folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Folder]:
        """Go through the directories from the root down."""
        return iter(self._folders)

    @property
    def current(self) -> Folder:
        """The directory that the walk is in."""
        return self._folders[-1]

    @property
    def root(self) -> Folder:
        """The directory that the walk began with."""
        return self._folders[0]

    def enter(self, name: bytes) -> Folder:
        """Go down into a directory; raises OSError and stays where it is."""
        descriptor = open_quietly(name, os.O_RDONLY | os.O_DIRECTORY, self.current.descriptor)
        folder = Folder(name, descriptor, self.current)
        self._folders.append(folder)
        far_above = len(self._folders) - 1 - _KEPT_OPEN
        if far_above >= 0:
            self._folders[far_above].close()
        return folder

    def leave(self) -> None:
        """Go up again; raises SourceMovedError."""
        left = self._folders.pop()
        try:
            if self._folders and self.current.descriptor < 0:
                self._reopen(self.current, left)
        finally:
            left.close()

    def _reopen(self, folder: Folder, below: Folder) -> None:
        descriptor = open_quietly(b"..", os.O_RDONLY | os.O_DIRECTORY, below.descriptor)
        if not folder.is_same(descriptor):
            os.close(descriptor)
            raise _moved(below)
        folder.descriptor = descriptor


def _moved(folder: Folder) -> Exception:
    # Imported here: a lookout starts with little more than this module.
    from strongroom.sources.errors import SourceMovedError
    from strongroom.sources.files.capture import displayed

    return SourceMovedError(
        f"The directory {displayed(folder.path())} was moved while it was being read.",
        next_step="Run the backup again when nothing is moving large directories.",
    )
