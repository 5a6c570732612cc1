"""One entry of a backed-up tree, as the source captures it and the repository stores it."""

from enum import IntEnum

import msgspec


class EntryType(IntEnum):
    """What an entry is; the numbers are part of the format."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    FIFO = 3
    SOCKET = 4
    CHARACTER_DEVICE = 5
    BLOCK_DEVICE = 6


class Run(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=1):
    """Bytes that lie in one frame: pack ordinal, frame number, offset in the frame's plaintext, length in bytes."""

    pack: int
    frame: int
    offset: int
    length: int


class Hole(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=0):
    """A stretch of zero bytes that is not stored; length in bytes."""

    length: int


Extent = Run | Hole


class Entry(msgspec.Struct, array_like=True, gc=False):
    """A file, directory, symbolic link or special file.

    Times are nanoseconds since 1970. `link_id` is 0 for an entry with one name, else the same non-zero number for all
    names of one file; the first of them in tree order carries the extents, the others none. `digest` is the keyed
    BLAKE3-256 of the content with its holes left out, empty for what has none; with `blocks` it is the digest of a
    content that grows (docs/format.md). New fields are only added at the end.
    """

    name: bytes
    type: EntryType
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    link_id: int = 0
    device: int = 0
    target: bytes = b""
    xattrs: list[tuple[bytes, bytes]] = []
    digest: bytes = b""
    extents: list[Extent] = []
    blocks: list[bytes] = []
