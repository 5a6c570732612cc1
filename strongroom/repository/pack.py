"""The pack: up to 64 MiB of frames under one random key, named by the SHA-256 of its stored bytes.

Layout (big-endian):

    0    8  magic "STRGPACK"
    8    2  format version, 1
    10   6  zero
    16  16  repository id
    32  16  session id
    48  16  zero
    64      DATA, TREE and PACKS frames, numbers 0 .. n-1, without gaps
            DIRECTORY frame, number n, flag last: n rows of 52 bytes
    -32  4  magic "SRPF"
    -28  4  format version, 1
    -24  8  offset of the directory frame
    -16  8  number of frames before the directory
    -8   8  length of the pack

A directory row: kind (1), zero (3), offset of the frame (8), sealed length (4), plain length (4), chunk id (32): the
keyed BLAKE3-256 of the frame's plaintext.
"""

import struct
import threading
from dataclasses import dataclass
from mmap import mmap
from uuid import UUID

from strongroom.repository.compression import Compressor
from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError
from strongroom.repository.frame import (
    FORMAT_VERSION,
    FRAME_OVERHEAD,
    HEADER_BYTES,
    FrameHeader,
    FrameKind,
    FrameOpener,
    FrameSealer,
    parse_header,
    sealing_context,
)

MAGIC = b"STRGPACK"
FOOTER_MAGIC = b"SRPF"
PACK_HEADER = struct.Struct(">8sH6s16s16s16s")
FOOTER = struct.Struct(">4sIQQQ")
ROW = struct.Struct(">B3sQII32s")
MAX_PACK_BYTES = 64 * 1024 * 1024
MAX_PACK_FRAMES = 8192
"""Bounds the directory at 416 KiB, however well the data compresses."""

_PAYLOAD_KINDS = (FrameKind.DATA, FrameKind.TREE, FrameKind.PACKS)


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """Where one frame lies in its pack, and the keyed BLAKE3-256 of its plaintext."""

    kind: FrameKind
    offset: int
    sealed_length: int
    plain_length: int
    chunk_id: bytes

    def encode(self) -> bytes:
        """Return the 52 row bytes."""
        return ROW.pack(self.kind, bytes(3), self.offset, self.sealed_length, self.plain_length, self.chunk_id)


def buffer_bytes(target: int, largest_chunk: int) -> int:
    """Return how large a buffer must be for a pack that is closed once it holds target bytes."""
    directory = FRAME_OVERHEAD + MAX_PACK_FRAMES * ROW.size
    return PACK_HEADER.size + target + largest_chunk + FRAME_OVERHEAD + directory + FOOTER.size


class PackBuilder:
    """Seals frames one behind the other into a buffer that its owner reuses."""

    def __init__(self, buffer: bytearray | mmap, key: bytes, *, ids: tuple[UUID, UUID], compressor: Compressor) -> None:
        repo_id, session_id = ids
        self._view = memoryview(buffer)
        self._sealer = FrameSealer(key, sealing_context(repo_id, session_id), compressor)
        self._rows = bytearray()
        self.size = PACK_HEADER.size
        PACK_HEADER.pack_into(buffer, 0, MAGIC, FORMAT_VERSION, bytes(6), repo_id.bytes, session_id.bytes, bytes(16))

    @property
    def frames(self) -> int:
        """Return how many frames the pack holds."""
        return self._sealer.count

    def add(self, kind: FrameKind, chunk_id: bytes, plain: bytes | memoryview) -> int:
        """Seal one frame and return its number."""
        number = self._sealer.count
        length = self._sealer.seal(kind, plain, self._view[self.size :])
        self._rows += DirectoryRow(kind, self.size, length - HEADER_BYTES, len(plain), chunk_id).encode()
        self.size += length
        return number

    def close(self) -> memoryview:
        """Add the directory and the footer, and return the whole pack, a view of the buffer."""
        directory, count = self.size, self._sealer.count
        self.size += self._sealer.seal(FrameKind.DIRECTORY, bytes(self._rows), self._view[self.size :], last=True)
        end = self.size + FOOTER.size
        FOOTER.pack_into(self._view, self.size, FOOTER_MAGIC, FORMAT_VERSION, directory, count, end)
        self.size = end
        return self._view[:end]


class OpenPack:
    """A pack whose header, footer and directory were checked; its frames open one by one.

    Raises TruncatedError, UnknownVersionError or TamperedError. Safe to share between threads: each has its own opener.
    """

    def __init__(self, raw: bytes | memoryview, key: bytes, *, ids: tuple[UUID, UUID]) -> None:
        self._raw = memoryview(raw)
        self._key = key
        self._context = sealing_context(*ids)
        self._own = threading.local()
        _verify_pack_header(self._raw, *ids)
        self.rows = open_directory(self._raw, len(self._raw), key, ids=ids)

    def read(self, number: int) -> bytes:
        """Return the plaintext of one frame."""
        return self._opener().open(*self._frame(number))

    def verify_seal(self, number: int) -> None:
        """Show that one frame is the one that was sealed, without decompressing it."""
        self._opener().unseal(*self._frame(number))

    def _frame(self, number: int) -> tuple[FrameHeader, memoryview]:
        if not 0 <= number < len(self.rows):
            raise TamperedError(f"A pack has no frame {number}.")
        row = self.rows[number]
        frame = self._raw[row.offset : row.offset + HEADER_BYTES + row.sealed_length]
        header = parse_header(frame)
        if not _matches(row, header, number):
            raise TamperedError(f"Frame {number} of a pack is not the one its directory describes.")
        return header, frame

    def _opener(self) -> FrameOpener:
        opener: FrameOpener | None = getattr(self._own, "opener", None)
        if opener is None:
            opener = self._own.opener = FrameOpener(self._key, self._context)
        return opener


def open_directory(tail: bytes | memoryview, size: int, key: bytes, *, ids: tuple[UUID, UUID]) -> list[DirectoryRow]:
    """Return the directory of a pack of this size from its last bytes, or from all of them.

    Raises NeedsMoreError if the directory begins before them, TruncatedError, UnknownVersionError or TamperedError.
    """
    view = memoryview(tail)
    directory, count = _read_footer(view, size)
    start = directory - (size - len(view))
    if start < 0:
        raise NeedsMoreError(size - directory)
    frame = view[start : len(view) - FOOTER.size]
    header = parse_header(frame)
    whole = HEADER_BYTES + header.sealed_length == len(frame)
    if header.kind is not FrameKind.DIRECTORY or not header.last or header.number != count or not whole:
        raise TamperedError("A pack does not end with its directory.")
    plain = FrameOpener(key, sealing_context(*ids)).open(header, frame)
    if len(plain) != count * ROW.size:
        raise TamperedError("A pack's directory has another number of rows than the pack has frames.")
    return _parse_rows(plain, directory)


class NeedsMoreError(Exception):
    """The end of a pack that was read does not hold its directory; `needed` bytes of it would."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"{needed} bytes are needed")
        self.needed = needed


def _verify_pack_header(raw: memoryview, repo_id: UUID, session_id: UUID) -> None:
    if len(raw) < PACK_HEADER.size + FRAME_OVERHEAD + FOOTER.size:
        raise TruncatedError("A pack is shorter than an empty one.")
    if len(raw) > MAX_PACK_BYTES:
        raise TamperedError("A pack is larger than any that Strongroom writes.")
    magic, version, zeros, repo, session, more_zeros = PACK_HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise TamperedError("A pack does not start with the pack magic.")
    if version != FORMAT_VERSION:
        raise UnknownVersionError(f"A pack has format version {version}.")
    if repo != repo_id.bytes or session != session_id.bytes or any(zeros) or any(more_zeros):
        raise TamperedError("A pack belongs to another repository or session.")


def _read_footer(tail: memoryview, size: int) -> tuple[int, int]:
    if len(tail) < FOOTER.size:
        raise TruncatedError("A pack is shorter than its footer.")
    magic, version, directory, count, length = FOOTER.unpack_from(tail, len(tail) - FOOTER.size)
    if magic != FOOTER_MAGIC or length != size:
        raise TruncatedError("A pack does not end with its footer.")
    if version != FORMAT_VERSION:
        raise UnknownVersionError(f"A pack footer has format version {version}.")
    if not PACK_HEADER.size <= directory <= size - FOOTER.size - FRAME_OVERHEAD or count > MAX_PACK_FRAMES:
        raise TamperedError("A pack footer points outside the pack.")
    return directory, count


def _parse_rows(plain: bytes, directory: int) -> list[DirectoryRow]:
    rows, offset = [], PACK_HEADER.size
    for kind, zeros, start, sealed, length, chunk_id in ROW.iter_unpack(plain):
        if kind not in _PAYLOAD_KINDS or any(zeros) or start != offset:
            raise TamperedError("A pack's directory has a gap or an unknown row.")
        rows.append(DirectoryRow(FrameKind(kind), start, sealed, length, chunk_id))
        offset += HEADER_BYTES + sealed
    if offset != directory:
        raise TamperedError("A pack's frames do not fill the space before its directory.")
    return rows


def _matches(row: DirectoryRow, header: FrameHeader, number: int) -> bool:
    return (
        header.number == number
        and header.kind is row.kind
        and header.plain_length == row.plain_length
        and header.sealed_length == row.sealed_length
        and not header.last
    )
