"""The frame: one compressed and sealed piece of plaintext behind a 32-byte clear header.

Layout (big-endian):

    0   4  magic "SRFR"
    4   1  format version, 1
    5   1  kind
    6   1  flags: 1 = zstd-compressed, 2 = last frame of its object
    7   1  zero
    8   8  frame number, from 0
    16  8  length of the plaintext
    24  8  length of the sealed bytes that follow: body + 16-byte tag
    32     AES-256-GCM of the body

The nonce is the frame number as 12 bytes; a key seals one object only. The associated data is the header, the
repository id and the session id.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.repository.compression import Compressor, is_worthwhile
from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError

MAGIC = b"SRFR"
FORMAT_VERSION = 1
HEADER_BYTES = 32
TAG_BYTES = 16
FRAME_OVERHEAD = HEADER_BYTES + TAG_BYTES
MAX_PLAIN_BYTES = 16 * 1024 * 1024
MAX_FRAMES = 1 << 20

_COMPRESSED = 1
_LAST = 2
_HEADER = struct.Struct(">4sBBBBQQQ")


class FrameKind(IntEnum):
    """What a frame holds; the numbers are part of the format."""

    DATA = 1
    TREE = 2
    DIRECTORY = 3
    HEAD = 4
    PACKS = 5
    TREE_RUNS = 6
    PACK_TABLES = 7


_KINDS = frozenset(FrameKind)


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The clear header of a frame; lengths in bytes."""

    kind: FrameKind
    number: int
    plain_length: int
    sealed_length: int
    compressed: bool
    last: bool

    def encode(self) -> bytes:
        """Return the 32 header bytes."""
        flags = (_COMPRESSED if self.compressed else 0) | (_LAST if self.last else 0)
        return _HEADER.pack(
            MAGIC, FORMAT_VERSION, self.kind, flags, 0, self.number, self.plain_length, self.sealed_length
        )


def parse_header(raw: bytes | memoryview) -> FrameHeader:
    """Read a frame header; raises TruncatedError, UnknownVersionError or TamperedError. Nothing is authentic yet."""
    if len(raw) < HEADER_BYTES:
        raise TruncatedError("A frame ends inside its header.")
    magic, version, kind, flags, zero, number, plain, sealed = _HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise TamperedError("A frame does not start with the frame magic.")
    if version != FORMAT_VERSION:
        raise UnknownVersionError(f"A frame has format version {version}.")
    if kind not in _KINDS or flags & ~(_COMPRESSED | _LAST) or zero:
        raise TamperedError("A frame header has a kind or flag that does not exist.")
    if plain > MAX_PLAIN_BYTES or not TAG_BYTES <= sealed <= MAX_PLAIN_BYTES + TAG_BYTES or number > MAX_FRAMES:
        raise TamperedError("A frame header has an impossible length.")
    return FrameHeader(FrameKind(kind), number, plain, sealed, bool(flags & _COMPRESSED), bool(flags & _LAST))


def sealing_context(repo_id: UUID, session_id: UUID) -> bytes:
    """Return the 32 bytes that bind every frame to its repository and session."""
    return repo_id.bytes + session_id.bytes


class FrameSealer:
    """Seals the frames of one object in order; it alone counts, so that no nonce repeats under its key."""

    def __init__(self, key: bytes, context: bytes, compressor: Compressor) -> None:
        self._cipher = AESGCM(key)
        self._context = context
        self._compressor = compressor
        self.count = 0

    def seal(self, kind: FrameKind, plain: bytes | memoryview, out: memoryview, *, last: bool = False) -> int:
        """Write one frame to the start of out and return its length: at most the plaintext plus FRAME_OVERHEAD."""
        if self.count > MAX_FRAMES or len(plain) > MAX_PLAIN_BYTES:
            raise ValueError("a frame or its number is beyond the format's limits")
        body = self._compressor.compress(plain)
        compressed = is_worthwhile(len(body), len(plain))
        if not compressed:
            body = plain
        number = self.count
        self.count += 1
        end = HEADER_BYTES + len(body) + TAG_BYTES
        header = FrameHeader(kind, number, len(plain), end - HEADER_BYTES, compressed, last).encode()
        out[:HEADER_BYTES] = header
        self._cipher.encrypt_into(number.to_bytes(12, "big"), body, header + self._context, out[HEADER_BYTES:end])
        return end


class FrameOpener:
    """Opens the frames of one object; one instance belongs to one thread."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._cipher = AESGCM(key)
        self._context = context
        self._decompressor = zstandard.ZstdDecompressor()

    def open(self, header: FrameHeader, frame: bytes | memoryview) -> bytes:
        """Return the plaintext of a whole frame; raises TruncatedError or TamperedError."""
        body = self.unseal(header, frame)
        plain = self._decompress(header, body) if header.compressed else body
        if len(plain) != header.plain_length:
            raise TamperedError(f"Frame {header.number} has another length than its header says.")
        return plain

    def unseal(self, header: FrameHeader, frame: bytes | memoryview) -> bytes:
        """Return what was sealed, compressed as it may be; raises TruncatedError or TamperedError."""
        sealed = frame[HEADER_BYTES : HEADER_BYTES + header.sealed_length]
        if len(sealed) != header.sealed_length:
            raise TruncatedError(f"Frame {header.number} ends before its sealed bytes do.")
        try:
            return self._cipher.decrypt(
                header.number.to_bytes(12, "big"), sealed, bytes(frame[:HEADER_BYTES]) + self._context
            )
        except InvalidTag:
            raise TamperedError(
                f"Frame {header.number} does not open: it was changed, moved, or sealed with another key."
            ) from None

    def _decompress(self, header: FrameHeader, body: bytes) -> bytes:
        try:
            if zstandard.frame_content_size(body) != header.plain_length:
                raise TamperedError(f"Frame {header.number} would unpack to another length than its header says.")
            return self._decompressor.decompress(body, max_output_size=header.plain_length)
        except zstandard.ZstdError:
            raise TamperedError(f"Frame {header.number} does not decompress.") from None
