"""An open directory of a restore, and what files that are made in it get without being told."""

import os
import stat
from typing import NamedTuple

from strongroom.sources.files.attributes import Metadata
from strongroom.sources.files.placing import PRIVATE_DIRECTORY, PRIVATE_FILE, Placer

_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class NewFile(NamedTuple):
    """The descriptor of an empty file, and whether it has its owner, group and mode already."""

    descriptor: int
    is_right: bool


class Nest:
    """A directory by its descriptor; belongs to one thread.

    Owner and mode are set by two calls a file, which most often change nothing. In a directory that only this process
    can enter or change, what one file got for its owner, group and mode, the next one gets: the first of each kind is
    looked at, and those after it are not told what they are already. Anywhere else each file is told.
    """

    __slots__ = ("_is_private", "_kinds", "descriptor")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._is_private: bool | None = None
        self._kinds: dict[tuple[int, int, int], bool] = {}

    def make_file(self, name: bytes, placer: Placer, wanted: Metadata) -> NewFile:
        """Make an empty file that nobody else can read; raises what Placer.file raises."""
        if not self._may_be_right(wanted):
            return NewFile(placer.file(self.descriptor, name), is_right=False)
        kind = (wanted.mode, wanted.uid, wanted.gid)
        is_right = self._kinds.get(kind)
        # The mode counts once others can enter the directory, which is when the restore is finished.
        mode = PRIVATE_FILE if is_right is False else wanted.mode
        descriptor = placer.file(self.descriptor, name, mode)
        if is_right is None:
            is_right = self._kinds[kind] = _kind_of(descriptor) == kind
        return NewFile(descriptor, is_right)

    def _may_be_right(self, wanted: Metadata) -> bool:
        if self._is_private is None:
            found = os.fstat(self.descriptor)
            self._is_private = found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == PRIVATE_DIRECTORY
        # Attributes are set before the mode: a file that may not be written refuses them.
        return self._is_private and not wanted.xattrs and not wanted.mode & _SPECIAL_BITS


def _kind_of(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
