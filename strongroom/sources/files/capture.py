"""Turning what the file system says about a name into an Entry."""

import contextlib
import os
import stat

from strongroom.tree.content import Status
from strongroom.tree.entry import Entry, EntryType

_TYPES = {
    stat.S_IFREG: EntryType.FILE,
    stat.S_IFDIR: EntryType.DIRECTORY,
    stat.S_IFLNK: EntryType.SYMLINK,
    stat.S_IFIFO: EntryType.FIFO,
    stat.S_IFSOCK: EntryType.SOCKET,
    stat.S_IFCHR: EntryType.CHARACTER_DEVICE,
    stat.S_IFBLK: EntryType.BLOCK_DEVICE,
}


def entry_of(name: bytes, status: Status, link_id: int = 0) -> Entry:
    """Make the entry that a stat result describes, without link target and extended attributes."""
    kind = _TYPES[stat.S_IFMT(status.st_mode)]
    return Entry(
        name,
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_size if kind is EntryType.FILE else 0,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        link_id,
        status.st_rdev,
    )


def xattrs_of(descriptor: int) -> list[tuple[bytes, bytes]]:
    """Return the extended attributes of an open file or directory, ACLs included, sorted by name."""
    try:
        names = os.listxattr(descriptor)
    except OSError:
        return []
    return _values(descriptor, names) if names else []


def xattrs_of_name(directory: int, name: bytes) -> list[tuple[bytes, bytes]]:
    """Return the extended attributes of a link or special file, which cannot be opened without side effects."""
    place = entry_path(directory, name)
    try:
        names = os.listxattr(place, follow_symlinks=False)
    except OSError:
        return []
    return _values(place, names) if names else []


def entry_path(directory: int, name: bytes) -> bytes:
    """Return a path to a name in an open directory, for calls that take no directory descriptor (Linux)."""
    return b"/proc/self/fd/%d/%s" % (directory, name)


def displayed(path: bytes) -> str:
    """Return a path as people may read it: undecodable and control bytes as escapes."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _values(place: int | bytes, names: list[str]) -> list[tuple[bytes, bytes]]:
    found = []
    for name in sorted(os.fsencode(name) for name in names):
        # Removed since it was listed, or not for this process to read.
        with contextlib.suppress(OSError):
            found.append((name, _value(place, name)))
    return found


def _value(place: int | bytes, name: bytes) -> bytes:
    if isinstance(place, int):
        return os.getxattr(place, name)
    return os.getxattr(place, name, follow_symlinks=False)
