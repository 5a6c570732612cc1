"""The frame: what was sealed comes out, and nothing else ever does."""

import os

import pytest
import zstandard

from strongroom.repository.errors import TamperedError, TruncatedError
from strongroom.repository.frame import (
    FRAME_OVERHEAD,
    HEADER_BYTES,
    MAX_PLAIN_BYTES,
    FrameKind,
    FrameOpener,
    FrameSealer,
    parse_header,
)
from tests.unit.repository.damage import REFUSALS, cuts, flip

KEY, CONTEXT = bytes(range(32)), bytes(32)


def sealer(key: bytes = KEY) -> FrameSealer:
    return FrameSealer(key, CONTEXT, zstandard.ZstdCompressor(level=1))


def seal(frames: FrameSealer, plain: bytes, kind: FrameKind = FrameKind.DATA, *, last: bool = False) -> bytes:
    out = bytearray(len(plain) + FRAME_OVERHEAD)
    return bytes(out[: frames.seal(kind, plain, memoryview(out), last=last)])


def open_frame(raw: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    return FrameOpener(key, context).open(parse_header(raw), raw)


@pytest.mark.parametrize("plain", [b"", b"a", b"abc" * 1000, os.urandom(3000)], ids=["empty", "byte", "text", "noise"])
def test_what_was_sealed_is_opened(plain: bytes) -> None:
    raw = seal(sealer(), plain, FrameKind.TREE, last=True)

    header = parse_header(raw)
    assert open_frame(raw) == plain
    assert (header.kind, header.number, header.plain_length, header.last) == (FrameKind.TREE, 0, len(plain), True)
    assert len(raw) <= len(plain) + FRAME_OVERHEAD


def test_only_what_gets_smaller_is_compressed() -> None:
    assert parse_header(seal(sealer(), b"abc" * 1000)).compressed
    assert not parse_header(seal(sealer(), os.urandom(3000))).compressed


@pytest.mark.parametrize("plain", [b"short", b"compressible " * 40], ids=["plain", "compressed"])
def test_every_flipped_bit_is_refused(plain: bytes) -> None:
    raw = seal(sealer(), plain)

    for bit in range(len(raw) * 8):
        with pytest.raises(REFUSALS):
            open_frame(flip(raw, bit))


def test_every_truncation_is_refused() -> None:
    raw = seal(sealer(), b"compressible " * 40)

    for short in cuts(raw, len(raw)):
        with pytest.raises(TruncatedError):
            open_frame(short)


def test_another_key_or_context_opens_nothing() -> None:
    raw = seal(sealer(), b"text")

    with pytest.raises(TamperedError):
        open_frame(raw, key=bytes(32))
    with pytest.raises(TamperedError):
        open_frame(raw, context=b"\1" + bytes(31))


def test_a_frame_does_not_open_under_the_header_of_another() -> None:
    frames = sealer()
    first, second = seal(frames, b"abcd"), seal(frames, b"efgh")

    with pytest.raises(TamperedError):
        open_frame(first[:HEADER_BYTES] + second[HEADER_BYTES:])


def test_equal_frames_are_sealed_with_different_nonces() -> None:
    frames = sealer()
    sealed = [seal(frames, b"same") for _ in range(50)]

    assert [parse_header(raw).number for raw in sealed] == list(range(50))
    assert len({raw[HEADER_BYTES:] for raw in sealed}) == 50


def test_a_frame_beyond_the_limits_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="limits"):
        seal(sealer(), bytes(MAX_PLAIN_BYTES + 1))
