"""The pack: frames in order, described by a directory, and every change of it refused."""

import os
import random
import uuid

import blake3
import pytest
import zstandard

from strongroom.repository.errors import TamperedError
from strongroom.repository.frame import HEADER_BYTES, FrameKind, parse_header
from strongroom.repository.pack import FOOTER, PACK_HEADER, OpenPack, PackBuilder, buffer_bytes
from tests.unit.repository.damage import REFUSALS, cuts, flips

KEY = bytes(range(32))
IDS = (uuid.UUID(int=1), uuid.UUID(int=2))
CHUNKS = [b"first", b"second " * 100, os.urandom(500), b"first", b""]


def build(chunks: list[bytes], key: bytes = KEY, ids: tuple[uuid.UUID, uuid.UUID] = IDS) -> bytes:
    builder = PackBuilder(bytearray(buffer_bytes(5000, 1000)), key, ids=ids, compressor=zstandard.ZstdCompressor())
    for chunk in chunks:
        builder.add(FrameKind.DATA, blake3.blake3(chunk).digest(), chunk)
    return bytes(builder.close())


def read_all(raw: bytes, key: bytes = KEY, ids: tuple[uuid.UUID, uuid.UUID] = IDS) -> list[bytes]:
    pack = OpenPack(raw, key, ids=ids)
    return [pack.read(number) for number in range(len(pack.rows))]


def frames_of(raw: bytes) -> list[bytes]:
    """Split a pack into its frames, the directory last."""
    frames, at = [], PACK_HEADER.size
    while at < len(raw) - FOOTER.size:
        end = at + HEADER_BYTES + parse_header(raw[at:]).sealed_length
        frames.append(raw[at:end])
        at = end
    return frames


def rebuilt(raw: bytes, frames: list[bytes]) -> bytes:
    """Put a pack together from its own header and footer and other frames, lengths corrected."""
    body = raw[: PACK_HEADER.size] + b"".join(frames)
    magic, version, *_ = FOOTER.unpack(raw[-FOOTER.size :])
    length = len(body) + FOOTER.size
    return body + FOOTER.pack(magic, version, len(body) - len(frames[-1]), len(frames) - 1, length)


def test_frames_come_back_in_order() -> None:
    raw = build(CHUNKS)

    assert read_all(raw) == CHUNKS
    assert rebuilt(raw, frames_of(raw)) == raw


def test_the_directory_describes_every_frame() -> None:
    rows = OpenPack(build(CHUNKS), KEY, ids=IDS).rows

    assert [row.plain_length for row in rows] == [len(chunk) for chunk in CHUNKS]
    assert [row.chunk_id for row in rows] == [blake3.blake3(chunk).digest() for chunk in CHUNKS]


def test_an_empty_pack_is_a_pack() -> None:
    assert read_all(build([])) == []


def test_flipped_bits_are_refused() -> None:
    for changed in flips(build(CHUNKS), 1500):
        with pytest.raises(REFUSALS):
            read_all(changed)


def test_truncations_are_refused() -> None:
    for short in cuts(build(CHUNKS), 400):
        with pytest.raises(REFUSALS):
            read_all(short)


def test_appended_bytes_are_refused() -> None:
    raw = build(CHUNKS)

    for tail in (b"\0", raw[-FOOTER.size :], raw):
        with pytest.raises(REFUSALS):
            read_all(raw + tail)


def test_swapped_frames_are_refused() -> None:
    raw = build([b"same length %d" % number for number in range(6)])
    frames = frames_of(raw)

    for seed in range(200):
        order = list(range(len(frames)))
        random.Random(seed).shuffle(order)
        if order != sorted(order):
            with pytest.raises(REFUSALS):
                read_all(rebuilt(raw, [frames[at] for at in order]))


def test_duplicated_and_dropped_frames_are_refused() -> None:
    raw = build(CHUNKS)
    frames = frames_of(raw)

    for at in range(len(frames)):
        with pytest.raises(REFUSALS):
            read_all(rebuilt(raw, [*frames[:at], frames[at], *frames[at:]]))
        if len(frames) > 1:
            with pytest.raises(REFUSALS):
                read_all(rebuilt(raw, frames[:at] + frames[at + 1 :]))


def test_frames_of_another_pack_are_refused() -> None:
    raw, other = build([b"aaaa", b"bbbb"]), build([b"cccc", b"dddd"], key=bytes(32))
    ours, theirs = frames_of(raw), frames_of(other)

    for at in range(len(ours)):
        with pytest.raises(REFUSALS):
            read_all(rebuilt(raw, [*ours[:at], theirs[at], *ours[at + 1 :]]))


def test_the_right_key_of_the_wrong_session_opens_nothing() -> None:
    other = build(CHUNKS, ids=(IDS[0], uuid.UUID(int=3)))

    with pytest.raises(TamperedError):
        read_all(other)
    with pytest.raises(TamperedError):
        read_all(other[: PACK_HEADER.size].replace(uuid.UUID(int=3).bytes, IDS[1].bytes) + other[PACK_HEADER.size :])


def test_another_key_opens_nothing() -> None:
    with pytest.raises(TamperedError):
        read_all(build(CHUNKS), key=bytes(32))


def test_a_frame_number_outside_the_pack_is_refused() -> None:
    pack = OpenPack(build(CHUNKS), KEY, ids=IDS)

    for number in (-1, len(CHUNKS), 1 << 40):
        with pytest.raises(TamperedError):
            pack.read(number)
