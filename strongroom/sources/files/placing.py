"""Making entries in an open directory: new ones only, or in place of what is there."""

import os
import stat
from collections.abc import Callable
from typing import TypeVar

from strongroom.sources.errors import TargetConflictError
from strongroom.sources.files.attributes import chmod_nofollow
from strongroom.sources.files.capture import displayed
from strongroom.tree.entry import Entry, EntryType

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
_SPECIAL = {
    EntryType.FIFO: stat.S_IFIFO,
    EntryType.SOCKET: stat.S_IFSOCK,
    EntryType.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryType.BLOCK_DEVICE: stat.S_IFBLK,
}
T = TypeVar("T")


class Placer:
    """Makes entries; with `overwrite` it first takes away a file, a link or an empty directory of the same name.

    What is there is never opened for writing: it may be another name of a file outside the target. Every method raises
    OSError, and TargetConflictError when something is in the way.
    """

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite

    def directory(self, directory: int, name: bytes) -> None:
        """Make a directory that only this process can enter, or take the one that is there."""
        try:
            os.mkdir(name, PRIVATE_DIRECTORY, dir_fd=directory)
        except FileExistsError:
            self._take_over(directory, name)

    def file(self, directory: int, name: bytes, mode: int = PRIVATE_FILE) -> int:
        """Make an empty file, by default one that only this process can read, and return its descriptor."""
        try:
            return os.open(name, _NEW_FILE, mode, dir_fd=directory)
        except FileExistsError:
            self._clear(directory, name)
            return os.open(name, _NEW_FILE, mode, dir_fd=directory)

    def link(self, source: tuple[int, bytes], directory: int, name: bytes) -> None:
        """Make a further name of a file that was restored before."""
        self._place(
            directory,
            name,
            lambda: os.link(source[1], name, src_dir_fd=source[0], dst_dir_fd=directory, follow_symlinks=False),
        )

    def special(self, directory: int, name: bytes, entry: Entry) -> None:
        """Make a symbolic link, fifo, socket or device node."""
        if entry.type is EntryType.SYMLINK:
            self._place(directory, name, lambda: os.symlink(entry.target, name, dir_fd=directory))
        else:
            mode = _SPECIAL[entry.type] | PRIVATE_FILE
            self._place(directory, name, lambda: os.mknod(name, mode, entry.device, dir_fd=directory))

    def _place(self, directory: int, name: bytes, make: Callable[[], T]) -> T:
        try:
            return make()
        except FileExistsError:
            self._clear(directory, name)
            return make()

    def _take_over(self, directory: int, name: bytes) -> None:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not self._overwrite or not stat.S_ISDIR(status.st_mode):
            self._clear(directory, name)
            os.mkdir(name, PRIVATE_DIRECTORY, dir_fd=directory)
        elif os.geteuid() == status.st_uid:
            # It may have been left without the rights to fill it.
            chmod_nofollow(directory, name, stat.S_IMODE(status.st_mode) | PRIVATE_DIRECTORY)

    def _clear(self, directory: int, name: bytes) -> None:
        if not self._overwrite:
            raise _in_the_way(name, "was made there meanwhile")
        try:
            if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=directory)
            else:
                os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _in_the_way(name, f"cannot be replaced ({error.strerror})") from error


def _in_the_way(name: bytes, what: str) -> TargetConflictError:
    return TargetConflictError(
        f"Something called {displayed(name)} {what}.",
        next_step="Move it away, or restore into a new directory.",
    )
