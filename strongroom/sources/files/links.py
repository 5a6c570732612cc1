"""Recognising the further names of a file that has several."""

import stat
from typing import Self

import msgspec

from strongroom.tree.content import Status

Version = tuple[int, int, int]


class Linked(msgspec.Struct, array_like=True):
    """A file with several names, and how many of them are still to be seen."""

    number: int
    version: Version
    names_left: int


class LinkState(msgspec.Struct, array_like=True):
    """What a table knows: files by device and inode, numbers of those that could not be read, and the last number."""

    files: list[tuple[int, int, Linked]] = []
    unread: list[int] = []
    count: int = 0


class LinkTable:
    """Numbers for files with more than one name; forgets a file when all its names were seen.

    What has other bytes or times by its next name is numbered anew, and read: it was written to since, or is another
    file, which was given the inode of one that was removed since. It must not be taken for a name of the first.
    """

    def __init__(self) -> None:
        self._files: dict[tuple[int, int], Linked] = {}
        self._unread: set[int] = set()
        self._count = 0

    @classmethod
    def restored(cls, state: LinkState) -> Self:
        """Return a table that goes on where another one stood."""
        table = cls()
        table._files = {(device, inode): file for device, inode, file in state.files}
        table._unread, table._count = set(state.unread), state.count
        return table

    def state(self) -> LinkState:
        """Return what is known, for another process to go on."""
        files = [(device, inode, file) for (device, inode), file in self._files.items()]
        return LinkState(files, sorted(self._unread), self._count)

    def number(self, status: Status) -> tuple[int, bool]:
        """Return the link number of a file, and whether this is its first name, the one whose content is read."""
        key, version = (status.st_dev, status.st_ino), _version(status)
        file = self._files.get(key)
        if file is None or file.version != version:
            self._count += 1
            self._files[key] = Linked(self._count, version, status.st_nlink - 1)
            return self._count, True
        return file.number, self._see_again(key, file)

    def forget(self, number: int) -> None:
        """Let the next name of a file be its first, because the one before could not be read."""
        self._unread.add(number)

    def _see_again(self, key: tuple[int, int], file: Linked) -> bool:
        file.names_left -= 1
        if file.names_left <= 0:
            del self._files[key]
        is_first = file.number in self._unread
        self._unread.discard(file.number)
        return is_first


def _version(status: Status) -> Version:
    # Not the change time: making or removing one more name moves it, and the file is the same.
    return stat.S_IFMT(status.st_mode), status.st_size, status.st_mtime_ns
