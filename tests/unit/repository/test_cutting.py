"""Contents are cut where their bytes say so: always in the same places, however they are read, and by a key."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from strongroom.keyring.secret import SecretKey
from strongroom.repository.baseline import Baseline
from strongroom.repository.buffers import Lease
from strongroom.repository.cutting import FILE_CUTS, SEGMENT_BYTES, STREAM_CUTS, Cutting, segment_buffers
from strongroom.repository.intake import BUNDLE_BYTES, SMALL_BYTES, Intake
from strongroom.repository.placements import Placements
from strongroom.repository.root import SourceKeys, source_keys
from strongroom.testing.stores import MemoryStore
from tests.unit.repository.room import Room
from tests.unit.repository.trees import MemoryContent, file_entry

ROOM = Room()
MIB = 1 << 20
KEYS = ROOM.repository.source_keys("db")
SEEDS = st.integers(0, 2**32)
# Every example is many megabytes: one that fails is shown as it is.
QUICK = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@dataclass
class Collector:
    """Takes chunks as the pool does, and keeps them."""

    placements: Placements = field(default_factory=Placements)
    chunks: dict[int, bytes] = field(default_factory=dict)

    def submit(self, number: int, plain: memoryview, lease: Lease) -> None:
        self.chunks[number] = bytes(plain)


def intake_of(collector: Collector, keys: SourceKeys) -> Intake:
    baseline = Baseline(MemoryStore("home"), ROOM.repository.repo_id)
    cutting = partial(Cutting, cast("Any", collector), segment_buffers(), keys)
    return Intake(cast("Any", collector), baseline, cutting, keys=keys, tick=lambda _: None)


def cut(data: bytes, *, keys: SourceKeys = KEYS, stream: bool = False, at_most: int = 1 << 30) -> list[bytes]:
    """Return the pieces that one content is read into, in order."""
    collector = Collector()
    intake = intake_of(collector, keys)
    content = MemoryContent(file_entry(b"f", len(data)), data, at_most=at_most)
    with content.open() as opened:
        reading = intake.read(opened, stream=stream, previous=None)
    intake.flush()
    return [collector.chunks[number][start : start + length] for number, start, length in reading.pieces]


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def edges(pieces: Sequence[bytes]) -> set[int]:
    return set(itertools.accumulate(map(len, pieces)))


def mixed(seed: int, size: int) -> bytes:
    """Return noise with stretches of one byte, and of a line again and again: nothing to cut by."""
    chance, parts, length = random.Random(seed), [], 0
    while length < size:
        count = chance.randrange(1, 3 * MIB)
        parts.append(chance.choice([bytes(count), b"\xff" * count, b"again\n" * (count // 6), chance.randbytes(count)]))
        length += len(parts[-1])
    return b"".join(parts)[:size]


@pytest.mark.parametrize(("stream", "cuts"), [(False, FILE_CUTS), (True, STREAM_CUTS)])
@given(seed=SEEDS, size=st.integers(0, 12 * MIB))
@QUICK
def test_the_pieces_are_the_content_and_keep_to_their_sizes(
    stream: bool, cuts: tuple[int, int, int], seed: int, size: int
) -> None:
    data = mixed(seed, size)

    pieces = cut(data, stream=stream)

    assert b"".join(pieces) == data
    smallest, _, largest = cuts
    if stream or size > SMALL_BYTES:
        assert all(smallest <= len(piece) <= largest for piece in pieces[:-1])
        assert not data or 0 < len(pieces[-1]) <= largest
    else:
        assert len(pieces) == bool(data)


@pytest.mark.parametrize("stream", [False, True])
@given(seed=SEEDS, size=st.integers(SMALL_BYTES + 1, 12 * MIB), at_most=st.integers(1000, 3 * MIB))
@QUICK
def test_it_is_no_matter_in_what_portions_a_content_is_read(stream: bool, seed: int, size: int, at_most: int) -> None:
    data = noise(seed, size)

    assert cut(data, stream=stream, at_most=at_most) == cut(data, stream=stream)


def test_a_content_larger_than_all_buffers_is_cut_as_one() -> None:
    data = noise(9, 3 * SEGMENT_BYTES + 12_345)

    whole, tail = edges(cut(data)), edges(cut(data[SEGMENT_BYTES:]))

    shifted = {edge + SEGMENT_BYTES for edge in tail}
    assert len(whole & shifted) > 0.6 * len(shifted)


@given(seed=SEEDS, at=st.floats(0.1, 0.9), new=st.binary(max_size=64), gone=st.integers(0, 64))
@QUICK
def test_a_change_moves_only_the_edges_near_it(seed: int, at: float, new: bytes, gone: int) -> None:
    size = 16 * MIB
    data, where = noise(seed, size), int(at * size)
    after = data[:where] + new + data[where + gone :]
    assume(after != data)
    shift = len(after) - len(data)

    before, changed = edges(cut(data)), edges(cut(after))
    behind = {edge - shift for edge in changed}

    assert {edge for edge in before if edge <= where} == {edge for edge in changed if edge <= where}
    # Two cuttings that have met once are one from there on; they meet within a few pieces.
    both = sorted(edge for edge in before & behind if edge > where + gone)
    assert both[0] <= where + 8 * FILE_CUTS[2]
    assert {edge for edge in before if edge >= both[0]} == {edge for edge in behind if edge >= both[0]}


@given(seed=SEEDS, other=SEEDS)
@QUICK
def test_the_key_decides_where_a_content_is_cut(seed: int, other: int) -> None:
    assume(seed != other)
    one, two = (source_keys(SecretKey(noise(key, 32)), ROOM.repository.repo_id, "db") for key in (seed, other))
    data = noise(seed, 10 * MIB)
    ends = {len(data)}

    assert cut(data, keys=one) == cut(data, keys=one)
    assert len((edges(cut(data, keys=one)) & edges(cut(data, keys=two))) - ends) <= 1


def test_another_source_cuts_elsewhere() -> None:
    data = noise(5, 16 * MIB)
    other = ROOM.repository.source_keys("other")

    assert edges(cut(data)) & edges(cut(data, keys=other)) == {len(data)}


def test_pieces_are_of_the_size_they_should_have_on_average() -> None:
    for stream, (_, average, _) in ((False, FILE_CUTS), (True, STREAM_CUTS)):
        pieces = cut(noise(1, 64 * MIB), stream=stream)
        assert 0.7 * average < 64 * MIB / len(pieces) < 1.5 * average


def test_small_files_share_a_chunk_until_it_is_full() -> None:
    collector = Collector()
    intake = intake_of(collector, KEYS)
    readings = []
    for number in range(20):
        content = MemoryContent(file_entry(b"f", 100_000), noise(number, 100_000))
        with content.open() as opened:
            readings.append(intake.read(opened, stream=False, previous=None))
    intake.flush()

    assert all(len(reading.pieces) == 1 for reading in readings)
    assert all(
        BUNDLE_BYTES <= len(chunk) <= BUNDLE_BYTES + SMALL_BYTES for chunk in list(collector.chunks.values())[:-1]
    )
    assert b"".join(collector.chunks.values()) == b"".join(noise(number, 100_000) for number in range(20))
