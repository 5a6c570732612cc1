"""Giving a restored entry its owner, mode, extended attributes and times."""

import os
import stat
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol

from strongroom.sources.files.capture import entry_path
from strongroom.tree.content import Problem, ProblemKind
from strongroom.tree.entry import Entry, EntryType

_SET_ID_BITS = stat.S_ISUID | stat.S_ISGID

_ACCESS_LIST = b"system.posix_acl_access"
_ACL_HEADER_BYTES = 4
_ACL_LINE = struct.Struct("<HHI")
_ACL_OWNING_GROUP = 0x04

P = ParamSpec("P")
Note = Callable[[str], None]
"""Takes the reason why something was not restored."""


class Metadata(Protocol):
    """What an entry says about a file or directory besides its name and content."""

    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def xattrs(self) -> list[tuple[bytes, bytes]]: ...


class ProblemLog:
    """What a restore could not do; one entry a reason for metadata, since a missing right affects every file alike.

    Safe among threads.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._reasons: set[str] = set()
        self._lock = threading.Lock()

    def add(self, path: str, kind: ProblemKind, reason: str) -> None:
        """Record a problem of one entry."""
        self.problems.append(Problem(path, kind, reason))

    def add_once(self, path: str, reason: str) -> None:
        """Record a metadata problem, with the first path that has it."""
        with self._lock:
            is_new = reason not in self._reasons
            self._reasons.add(reason)
        if is_new:
            self.add(path, ProblemKind.METADATA, reason)


def apply_to_descriptor(descriptor: int, entry: Metadata, note: Note) -> None:
    """Set all metadata of an open file or directory; what the process may not set is noted and left out."""
    is_owned = _try(note, "owner", os.fchown, descriptor, entry.uid, entry.gid)
    mode = _safe_mode(entry, is_owned=is_owned)
    for name, value in entry.xattrs:
        if not _try(note, f"{_namespace(name)} attributes", os.setxattr, descriptor, name, value):
            mode = _mode_without(mode, name, value)
    # After the owner, whose change clears set-user-ID; after the attributes, which a read-only file would refuse.
    _try(note, "mode", os.fchmod, descriptor, mode)
    apply_times(descriptor, entry, note)


def apply_times(descriptor: int, entry: Metadata, note: Note) -> None:
    """Set the times of an open file or directory, which come last; what the process may not set is noted."""
    _try(note, "times", os.utime, descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


def apply_to_name(directory: int, name: bytes, entry: Entry, note: Note) -> None:
    """Set all metadata of a symbolic link or special file, without following the link."""
    is_owned = _try(note, "owner", os.chown, name, entry.uid, entry.gid, dir_fd=directory, follow_symlinks=False)
    place = entry_path(directory, name)
    mode = _safe_mode(entry, is_owned=is_owned)
    for key, value in entry.xattrs:
        if not _try(note, f"{_namespace(key)} attributes", os.setxattr, place, key, value, follow_symlinks=False):
            mode = _mode_without(mode, key, value)
    if entry.type is not EntryType.SYMLINK:
        _try(note, "mode", chmod_nofollow, directory, name, mode)
    times = (entry.mtime_ns, entry.mtime_ns)
    _try(note, "times", os.utime, name, ns=times, dir_fd=directory, follow_symlinks=False)


def chmod_nofollow(directory: int, name: bytes, mode: int) -> None:
    """Change the mode of a name that may be exchanged for a symbolic link at any moment."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        Path(f"/proc/self/fd/{descriptor}").chmod(mode)
    finally:
        os.close(descriptor)


def _try(note: Note, what: str, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    try:
        call(*args, **kwargs)
    except OSError as error:
        note(f"{what} not restored: {error.strerror}")
        return False
    return True


def _safe_mode(entry: Metadata, *, is_owned: bool) -> int:
    """Never let a program run with the rights of whoever happened to restore it."""
    return entry.mode if is_owned else entry.mode & ~_SET_ID_BITS


def _mode_without(mode: int, name: bytes, value: bytes) -> int:
    """Return the mode of what does not get this attribute.

    With an access control list the mode shows what all its users and groups may do at most, in place of what the owning
    group may do; without it that group would get the rights of all of them.
    """
    if name != _ACCESS_LIST:
        return mode
    lines = value[_ACL_HEADER_BYTES:]
    whole = _ACL_LINE.iter_unpack(lines[: len(lines) // _ACL_LINE.size * _ACL_LINE.size])
    group = next((rights for tag, rights, _ in whole if tag == _ACL_OWNING_GROUP), 0)
    return mode & ~((~group & 7) << 3)


def _namespace(name: bytes) -> str:
    return name.partition(b".")[0].decode("ascii", "replace")
