"""The checkpoint: what a session had stored so far, so that the next attempt at its backup need not store it again.

Layout (big-endian):

    0   8  magic "STRGCKPT"
    8   2  format version, 1
    10  6  zero
    16 16  repository id
    32 16  session id
    48 16  backup id
    64     frames 0 .. n: HEAD, one PACKS, any number of TREE; flag last on the final one

The frames are sealed under HKDF(data key of the session, "checkpoint/" + session id + "/" + number), so nothing of it
is parsed that the session did not write as this very checkpoint. HEAD is a msgpack map of the fields of CheckpointHead,
PACKS an array of rows as in a manifest: the packs stored since the checkpoint before. The TREE frames of all
checkpoints of a session, one behind the other, are a tree stream that ends early, of the files it has read itself.
Their extents name chunks by number, as files are written down before all their chunks have places.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import zstandard

from strongroom.keyring.secret import SecretKey
from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError
from strongroom.repository.frame import (
    FORMAT_VERSION,
    FRAME_OVERHEAD,
    HEADER_BYTES,
    FrameKind,
    FrameOpener,
    FrameSealer,
    parse_header,
    sealing_context,
)
from strongroom.repository.head import PackRef
from strongroom.repository.root import derive_key

MAGIC = b"STRGCKPT"
HEADER = struct.Struct(">8sH6s16s16s16s")
UNPLACED = -1
"""In place of a pack ordinal: the frame number is that of a chunk of the session, and `places` says where that lies."""

_LEVEL = 1
_ROWS = msgspec.msgpack.Decoder(list[PackRef])


class Predecessor(msgspec.Struct, array_like=True, frozen=True):
    """An earlier session that a session stood upon (16 bytes), and how many of its checkpoints it knew."""

    session: bytes
    checkpoints: int


@dataclass(frozen=True, slots=True)
class CheckpointHead:
    """What gives the rest its meaning: ordinals are those of the parent and the predecessors, and go up to `top`.

    `places` holds chunk number, pack ordinal and frame number of chunks that were placed since the checkpoint before.
    """

    number: int
    started: datetime
    parent_id: UUID | None
    upon: tuple[Predecessor, ...]
    top: int
    places: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint: its head, the packs that were stored since the one before, and plaintexts of TREE frames."""

    head: CheckpointHead
    packs: tuple[PackRef, ...]
    tree: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CheckpointPlace:
    """Whose checkpoint it is."""

    repo_id: UUID
    backup_id: UUID
    session_id: UUID

    def header(self) -> bytes:
        """Return the 64 header bytes."""
        ids = (self.repo_id.bytes, self.session_id.bytes, self.backup_id.bytes)
        return HEADER.pack(MAGIC, FORMAT_VERSION, bytes(6), *ids)

    def key(self, data_key: SecretKey, number: int) -> bytes:
        """Return the key that seals one checkpoint's frames and nothing else."""
        return derive_key(data_key, self.repo_id, f"checkpoint/{self.session_id}/{number}")


def seal_checkpoint(place: CheckpointPlace, data_key: SecretKey, checkpoint: Checkpoint) -> bytes:
    """Return the object."""
    sealer = FrameSealer(
        place.key(data_key, checkpoint.head.number),
        sealing_context(place.repo_id, place.session_id),
        zstandard.ZstdCompressor(level=_LEVEL),
    )
    parts = [
        (FrameKind.HEAD, msgspec.msgpack.encode(checkpoint.head)),
        (FrameKind.PACKS, msgspec.msgpack.encode(checkpoint.packs)),
        *((FrameKind.TREE, plain) for plain in checkpoint.tree),
    ]
    out = bytearray(place.header())
    for position, (kind, plain) in enumerate(parts, start=1):
        frame = bytearray(len(plain) + FRAME_OVERHEAD)
        length = sealer.seal(kind, plain, memoryview(frame), last=position == len(parts))
        out += frame[:length]
    return bytes(out)


def open_checkpoint(place: CheckpointPlace, data_key: SecretKey, raw: bytes, number: int) -> Checkpoint:
    """Verify, decrypt and parse a checkpoint; raises TruncatedError, UnknownVersionError or TamperedError."""
    if len(raw) < HEADER.size + FRAME_OVERHEAD:
        raise TruncatedError("A checkpoint is shorter than an empty one.")
    if raw[8:10] != FORMAT_VERSION.to_bytes(2, "big"):
        raise UnknownVersionError("A checkpoint has an unknown format version.")
    if raw[: HEADER.size] != place.header():
        raise TamperedError("A checkpoint belongs to another session.")
    opener = FrameOpener(place.key(data_key, number), sealing_context(place.repo_id, place.session_id))
    parts = list(_open_frames(opener, memoryview(raw)[HEADER.size :]))
    if [kind for kind, _ in parts[:2]] != [FrameKind.HEAD, FrameKind.PACKS] or any(
        kind is not FrameKind.TREE for kind, _ in parts[2:]
    ):
        raise TamperedError("The frames of a checkpoint are not the ones a checkpoint has.")
    try:
        head = msgspec.msgpack.decode(parts[0][1], type=CheckpointHead)
        packs = tuple(_ROWS.decode(parts[1][1]))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedError("A checkpoint lacks what it should say.") from None
    if head.number != number:
        raise TamperedError("A checkpoint is another one than its name says.")
    return Checkpoint(head, packs, tuple(plain for _, plain in parts[2:]))


def _open_frames(opener: FrameOpener, raw: memoryview) -> Iterator[tuple[FrameKind, bytes]]:
    offset, number, last = 0, 0, False
    while offset < len(raw):
        header = parse_header(raw[offset:])
        if last or header.number != number:
            raise TamperedError("The frames of a checkpoint are out of order.")
        yield header.kind, opener.open(header, raw[offset:])
        offset += HEADER_BYTES + header.sealed_length
        number, last = number + 1, header.last
    if not last:
        raise TruncatedError("A checkpoint ends before its last frame.")
