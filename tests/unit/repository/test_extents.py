"""Data and holes laid out as extents."""

import random

import pytest

from strongroom.repository.extents import lay_out, runs_at, total_length
from strongroom.tree.entry import Extent, Hole, Run


def run(offset: int, length: int) -> Run:
    return Run(0, 0, offset, length)


@pytest.mark.parametrize(
    ("runs", "holes", "expected"),
    [
        ([], [], []),
        ([run(0, 5)], [], [run(0, 5)]),
        ([], [(0, 9)], [Hole(9)]),
        ([run(0, 5)], [(0, 3)], [Hole(3), run(0, 5)]),
        ([run(0, 5)], [(5, 3)], [run(0, 5), Hole(3)]),
        ([run(0, 5)], [(2, 3)], [run(0, 2), Hole(3), run(2, 3)]),
        ([run(0, 2), run(7, 2)], [(2, 4)], [run(0, 2), Hole(4), run(7, 2)]),
        ([run(0, 9)], [(1, 1), (3, 1)], [run(0, 1), Hole(1), run(1, 1), Hole(1), run(2, 7)]),
        ([run(0, 2)], [(5, 3)], [run(0, 2)]),
    ],
)
def test_holes_lie_where_they_were(runs: list[Run], holes: list[tuple[int, int]], expected: list[Extent]) -> None:
    assert lay_out(runs, holes) == expected


@pytest.mark.parametrize("seed", range(50))
def test_any_layout_adds_up(seed: int) -> None:
    chance = random.Random(seed)
    runs = [Run(0, frame, 0, chance.randrange(1, 20)) for frame in range(chance.randrange(1, 8))]
    holes, at, data = [], 0, sum(one.length for one in runs)
    while data > 0:
        part, hole = min(data, chance.randrange(1, 9)), chance.randrange(1, 9)
        holes.append((at + part, hole))
        at, data = at + part + hole, data - part

    extents = lay_out(runs, holes)

    assert total_length(extents) == sum(one.length for one in runs) + sum(length for _, length in holes)
    starts, position = [], 0
    for extent in extents:
        if isinstance(extent, Hole):
            starts.append((position, extent.length))
        position += extent.length
    assert starts == holes
    assert [one.length for _, one in runs_at(extents)] == [e.length for e in extents if isinstance(e, Run)]
