"""Where a file has data, and where it only has a length."""

import errno
import os

Segment = tuple[int, int]
"""Start and end of a stretch of bytes."""

_BLOCK = 512


def data_segments(descriptor: int, status: os.stat_result) -> list[Segment]:
    """Return the stretches of a file that hold data, ascending; all of it where the file system knows no holes."""
    size = status.st_size
    whole = [(0, size)] if size else []
    if has_no_holes(status):
        return whole
    try:
        return _seek_segments(descriptor, size)
    except OSError:
        # Not supported here, or cut short this very moment, which reading it will show.
        return whole


def has_no_holes(status: os.stat_result) -> bool:
    """Tell whether a file has as much room on the disk as it is long; False for a compressed one as well."""
    return status.st_blocks * _BLOCK >= status.st_size


def holes_between(segments: list[Segment], size: int) -> list[tuple[int, int]]:
    """Return the (offset, length) of what the segments leave out of a file of this size."""
    if segments == [(0, size)]:
        return []
    holes = []
    position = 0
    for start, end in [*segments, (size, size)]:
        if start > position:
            holes.append((position, start - position))
        position = end
    return holes


def _seek_segments(descriptor: int, size: int) -> list[Segment]:
    segments = []
    position = 0
    while position < size:
        start = _next_data(descriptor, position)
        if start is None:
            break
        position = os.lseek(descriptor, start, os.SEEK_HOLE)
        if start < size:
            segments.append((start, min(position, size)))
    return segments


def _next_data(descriptor: int, position: int) -> int | None:
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
