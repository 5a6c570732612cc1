"""The manifest object: everything a reader needs to find and open a backup's bytes, sealed and signed.

Layout (big-endian):

    0    8  magic "STRGMANF"
    8    2  format version, 1
    10   6  zero
    16  16  repository id
    32  16  session id
    48  16  backup id
    64      frames 0 .. n: HEAD, PACKS shards, TREE_RUNS shards, PACK_TABLES shards; flag last on the final one
    -64 64  Ed25519 signature over "strongroom manifest v1", a zero byte, and the SHA-256 of all bytes before

The frames are sealed under HKDF(data key, "manifest/" + session id). HEAD is a msgpack map of the fields of
ManifestHead except packs, tree and tables; a shard is a msgpack array of rows. The signature is verified before
anything is decrypted, and every frame is authentic before any of it is parsed.
"""

import dataclasses
import hashlib
import struct
from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

import msgspec
import zstandard

from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository
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
from strongroom.repository.head import ManifestHead, PackRef, PackTable, TreeRun
from strongroom.repository.root import derive_key

MAGIC = b"STRGMANF"
HEADER = struct.Struct(">8sH6s16s16s16s")
SIGNATURE_BYTES = 64
ROWS_PER_SHARD = 10_000

_COMPRESSION_LEVEL = 3
_ORDER = (FrameKind.HEAD, FrameKind.PACKS, FrameKind.TREE_RUNS, FrameKind.PACK_TABLES)

T = TypeVar("T")
Part = tuple[FrameKind, bytes]


def seal_manifest(repository: Repository, data_key: SecretKey, head: ManifestHead) -> bytes:
    """Return the manifest object of a backup."""
    header = _header(head.repo, head.session_id, head.backup_id)
    parts = list(_encode_parts(head))
    out = bytearray(header)
    sealer = FrameSealer(
        _manifest_key(repository, data_key, head.session_id),
        sealing_context(head.repo, head.session_id),
        zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL),
    )
    for position, (kind, plain) in enumerate(parts, start=1):
        frame = bytearray(len(plain) + FRAME_OVERHEAD)
        length = sealer.seal(kind, plain, memoryview(frame), last=position == len(parts))
        out += frame[:length]
    return bytes(out + repository.sign_manifest(hashlib.sha256(out).digest()))


def verify_manifest(repository: Repository, raw: bytes, backup_id: UUID, session_id: UUID) -> None:
    """Check version, signature and identity without any data key.

    Raises TruncatedError, UnknownVersionError or TamperedError.
    """
    if len(raw) < HEADER.size + FRAME_OVERHEAD + SIGNATURE_BYTES:
        raise TruncatedError("A manifest is shorter than an empty one.")
    magic, version, *_ = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise TamperedError("A manifest does not start with the manifest magic.")
    if version != FORMAT_VERSION:
        raise UnknownVersionError(f"A manifest has format version {version}.")
    body = memoryview(raw)[:-SIGNATURE_BYTES]
    repository.verify_manifest(hashlib.sha256(body).digest(), raw[-SIGNATURE_BYTES:])
    if raw[: HEADER.size] != _header(repository.repo_id, session_id, backup_id):
        raise TamperedError(f"The manifest of backup {backup_id} belongs to another backup or session.")


def open_manifest(
    repository: Repository, data_key: SecretKey, raw: bytes, backup_id: UUID, session_id: UUID
) -> ManifestHead:
    """Verify, decrypt and parse a manifest; raises what verify_manifest raises.

    Its packs are those it lists itself; read_tables adds those of its tables.
    """
    verify_manifest(repository, raw, backup_id, session_id)
    opener = FrameOpener(
        _manifest_key(repository, data_key, session_id), sealing_context(repository.repo_id, session_id)
    )
    parts = list(_open_frames(opener, memoryview(raw)[HEADER.size : -SIGNATURE_BYTES]))
    head = _decode_parts(parts)
    if (head.repo, head.backup_id, head.session_id) != (repository.repo_id, backup_id, session_id):
        raise TamperedError(f"The manifest of backup {backup_id} describes another backup.")
    verify_ordinals(head)
    return head


def listed_packs(head: ManifestHead) -> tuple[PackRef, ...]:
    """Return the packs that the manifest lists itself: those that no table does."""
    elsewhere = {pack.ordinal for table in head.tables for pack in table.rows}
    return tuple(pack for pack in head.packs if pack.ordinal not in elsewhere)


def verify_ordinals(head: ManifestHead) -> None:
    """Check that no ordinal means two packs; raises TamperedError."""
    ordinals = [pack.ordinal for pack in head.packs]
    if ordinals != sorted(set(ordinals)):
        raise TamperedError(f"The manifest of backup {head.backup_id} lists a pack twice.")


def _header(repo_id: UUID, session_id: UUID, backup_id: UUID) -> bytes:
    return HEADER.pack(MAGIC, FORMAT_VERSION, bytes(6), repo_id.bytes, session_id.bytes, backup_id.bytes)


def _manifest_key(repository: Repository, data_key: SecretKey, session_id: UUID) -> bytes:
    return derive_key(data_key, repository.repo_id, f"manifest/{session_id}")


def _encode_parts(head: ManifestHead) -> Iterator[Part]:
    yield FrameKind.HEAD, msgspec.msgpack.encode(dataclasses.replace(head, packs=(), tree=(), tables=()))
    for rows in _shards(listed_packs(head)):
        yield FrameKind.PACKS, msgspec.msgpack.encode(rows)
    for runs in _shards(head.tree):
        yield FrameKind.TREE_RUNS, msgspec.msgpack.encode(runs)
    for tables in _shards(tuple((table.pack, table.count) for table in head.tables)):
        yield FrameKind.PACK_TABLES, msgspec.msgpack.encode(tables)


def _shards(rows: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(rows), ROWS_PER_SHARD):
        yield rows[start : start + ROWS_PER_SHARD]


def _open_frames(opener: FrameOpener, raw: memoryview) -> Iterator[Part]:
    offset, number, last = 0, 0, False
    while offset < len(raw):
        header = parse_header(raw[offset:])
        if last or header.number != number:
            raise TamperedError("The frames of a manifest are out of order.")
        yield header.kind, opener.open(header, raw[offset:])
        offset += HEADER_BYTES + header.sealed_length
        number, last = number + 1, header.last
    if not last:
        raise TruncatedError("A manifest ends before its last frame.")


def _decode_parts(parts: list[Part]) -> ManifestHead:
    kinds = [kind for kind, _ in parts]
    if kinds.count(FrameKind.HEAD) != 1 or kinds != sorted(kinds, key=_rank):
        raise TamperedError("The frames of a manifest are not the ones a manifest has.")
    try:
        head = msgspec.msgpack.decode(parts[0][1], type=ManifestHead)
        packs = _decode_rows(parts, FrameKind.PACKS, msgspec.msgpack.Decoder(list[PackRef]))
        tree = _decode_rows(parts, FrameKind.TREE_RUNS, msgspec.msgpack.Decoder(list[TreeRun]))
        tables = _decode_rows(parts, FrameKind.PACK_TABLES, msgspec.msgpack.Decoder(list[PackTable]))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedError("A manifest lacks what it should say.") from None
    return dataclasses.replace(head, packs=packs, tree=tree, tables=tables)


def _rank(kind: FrameKind) -> int:
    return _ORDER.index(kind) if kind in _ORDER else -1


def _decode_rows(parts: list[Part], kind: FrameKind, decoder: "msgspec.msgpack.Decoder[list[T]]") -> tuple[T, ...]:
    return tuple(item for found, plain in parts if found is kind for item in decoder.decode(plain))
