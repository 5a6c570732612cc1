"""Laying data and holes out as extents: content is read without its holes, entries describe it with them."""

from collections.abc import Iterable, Iterator

from strongroom.tree.entry import Extent, Hole, Run


def lay_out(runs: Iterable[Run], holes: list[tuple[int, int]]) -> list[Extent]:
    """Put holes (offset, length; ascending) between runs of data, splitting the run a hole falls into.

    A hole that begins beyond the end of the data is dropped: the file was cut short while it was read.
    """
    pending = iter(holes)
    hole = next(pending, None)
    extents: list[Extent] = []
    position = 0
    for run in runs:
        rest = run
        while hole is not None and hole[0] < position + rest.length:
            front, rest = _split(rest, hole[0] - position)
            extents += [front, Hole(hole[1])] if front.length else [Hole(hole[1])]
            position, hole = hole[0] + hole[1], next(pending, None)
        extents.append(rest)
        position += rest.length
    while hole is not None and hole[0] == position:
        extents.append(Hole(hole[1]))
        position, hole = position + hole[1], next(pending, None)
    return extents


def _split(run: Run, at: int) -> tuple[Run, Run]:
    front = Run(run.pack, run.frame, run.offset, at)
    return front, Run(run.pack, run.frame, run.offset + at, run.length - at)


def total_length(extents: Iterable[Extent]) -> int:
    """Return the size of the content in bytes, holes included."""
    return sum(extent.length for extent in extents)


def runs_at(extents: Iterable[Extent]) -> Iterator[tuple[int, Run]]:
    """Yield every run with its offset in the content."""
    position = 0
    for extent in extents:
        if isinstance(extent, Run):
            yield position, extent
        position += extent.length
