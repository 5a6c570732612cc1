"""Cut points depend on the bytes and the source's seed, not on buffers or on the sizes of reads."""

import random

import pytest
from pyfastcdc import FastCDC

from strongroom.repository.cutting import FILE_CUTS, SEGMENT_BYTES, STREAM_CUTS
from tests.unit.repository.room import Room, entries_of, runs
from tests.unit.repository.trees import MemoryWalk, content_of, file, stream

DATA = random.Random(11).randbytes(3 * SEGMENT_BYTES + 12_345)


def cut(cuts: tuple[int, int, int], seed: int) -> list[int]:
    smallest, average, largest = cuts
    chunker = FastCDC(average, min_size=smallest, max_size=largest, normalized_chunking=1, seed=seed)
    return [chunk.length for chunk in chunker.cut_buf(DATA)]


def lengths(room: Room, item_name: bytes, backup: MemoryWalk) -> list[int]:
    made = room.back_up(backup)
    return [one.length for one in runs(entries_of(room.reader(made.backup_id).walk())[item_name])]


def test_a_large_file_is_cut_as_if_it_were_read_in_one_piece(room: Room) -> None:
    seed = room.repository.source_keys("db").cut_seed

    assert lengths(room, b"f", MemoryWalk(file(b"f", DATA))) == cut(FILE_CUTS, seed)


@pytest.mark.parametrize("at_most", [10_007, 1 << 20])
def test_a_stream_is_cut_finer_and_whatever_its_reads_give(room: Room, at_most: int) -> None:
    seed = room.repository.source_keys("db").cut_seed

    assert lengths(room, b"s", MemoryWalk(stream(b"s", DATA, at_most=at_most))) == cut(STREAM_CUTS, seed)


def test_a_file_that_turns_out_large_is_cut_the_same(room: Room) -> None:
    item = file(b"f", DATA)
    content_of(item).entry.size = 0
    seed = room.repository.source_keys("db").cut_seed

    assert lengths(room, b"f", MemoryWalk(item)) == cut(FILE_CUTS, seed)


def test_another_source_has_other_cut_points(room: Room) -> None:
    seeds = [room.repository.source_keys(source).cut_seed for source in ("a", "b")]

    assert cut(FILE_CUTS, seeds[0]) != cut(FILE_CUTS, seeds[1])
