"""Large content: cut where its bytes say so, in segments that are read one after the other."""

from collections.abc import Callable

import blake3
import msgspec
from pyfastcdc import FastCDC

from strongroom.repository.buffers import BufferPool, Lease
from strongroom.repository.pipeline import SealingPool
from strongroom.repository.root import SourceKeys
from strongroom.tree.content import OpenContent
from strongroom.tree.entry import Run

SEGMENT_BYTES = 5 * 1024 * 1024
"""Holds the largest chunk of a file and more, so that every segment brings one; three are always in memory."""

Cuts = tuple[int, int, int]
"""The smallest, the average and the largest chunk, in bytes."""

FILE_CUTS: Cuts = (512 * 1024, 1024 * 1024, 4 * 1024 * 1024)
STREAM_CUTS: Cuts = (64 * 1024, 256 * 1024, 1024 * 1024)

Tick = Callable[[int], None]
"""Called with the number of bytes after every read, and with 0 while waiting; it may raise."""

_SEGMENTS = 3

Piece = tuple[int, int, int]
"""Chunk number, offset in the chunk, length."""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What one pass over a content gave: its bytes without holes, as pieces, and their digest.

    `runs` say where bytes lie that were stored by an earlier backup; they go before the pieces. `taken_over` says how
    many of these bytes were not read.
    """

    pieces: list[Piece]
    length: int
    digest: bytes
    runs: tuple[Run, ...] = ()
    taken_over: int = 0


def segment_buffers() -> BufferPool:
    """Return the buffers that all readers of one backup share."""
    return BufferPool(_SEGMENTS, SEGMENT_BYTES)


def fill(content: OpenContent, view: memoryview, wanted: int, tick: Tick) -> int:
    """Read until `wanted` bytes are there or the content ends; return how many there are."""
    filled = 0
    while filled < wanted:
        count = content.readinto(view[filled:wanted])
        if count == 0:
            break
        filled += count
        tick(count)
        if filled < wanted:
            # It may be a pipe, whose next bytes come when they come.
            tick(0)
    return filled


class Cutting:
    """Reads content in the calling thread, and hands its chunks to the pool.

    `tick` is called with the number of bytes after every read, and with 0 while waiting for a buffer; it may raise.
    """

    def __init__(self, pool: SealingPool, segments: BufferPool, keys: SourceKeys, tick: Tick) -> None:
        self._pool = pool
        self._segments = segments
        self._key = keys.content
        self._cutters = {cuts: _cutter(cuts, keys.cut_seed) for cuts in (FILE_CUTS, STREAM_CUTS)}
        self._tick = tick

    def cut(self, content: OpenContent, cuts: Cuts, start: memoryview) -> Reading:
        """Read content to its end; `start` is what was read of it before it turned out to be large."""
        cutter = self._cutters[cuts]
        segment = _Segment(self._lease(), self._key)
        try:
            segment.begin(start)
            while True:
                filled = fill(content, segment.free(), len(segment.free()), self._tick)
                whole = segment.grow(filled)
                end = self._submit_chunks(segment, cutter, last=not whole)
                if not whole:
                    return segment.reading()
                segment.carry(end, self._lease())
        finally:
            segment.lease.release()

    def _lease(self) -> Lease:
        return Lease(self._segments, lambda: self._tick(0))

    def _submit_chunks(self, segment: "_Segment", cutter: FastCDC, *, last: bool) -> int:
        """Submit every chunk that ends inside the segment; the one its end has cut off only if it is the last."""
        plain = segment.lease.view[: segment.filled]
        end = 0
        for chunk in cutter.cut_buf(plain):
            after = chunk.offset + chunk.length
            if after == len(plain) and not last:
                break
            number = self._pool.placements.reserve()
            self._pool.submit(number, plain[end:after], segment.lease)
            segment.pieces.append((number, 0, chunk.length))
            end = after
        return end


class _Segment:
    """The stretch of a large content that is in memory, and what is known of the content so far."""

    def __init__(self, lease: Lease, key: bytes) -> None:
        self.lease = lease
        self.filled = 0
        self.pieces: list[Piece] = []
        self._hasher = blake3.blake3(key=key)

    def begin(self, start: memoryview) -> None:
        """Take over what was read before the content turned out to be large."""
        self.lease.view[: len(start)] = start
        self.grow(len(start))

    def free(self) -> memoryview:
        """Return the part that is still to be filled."""
        return self.lease.view[self.filled :]

    def grow(self, count: int) -> bool:
        """Take count fresh bytes into account; say whether the segment is full, so that more may follow."""
        self._hasher.update(self.lease.view[self.filled : self.filled + count])
        self.filled += count
        return self.filled == len(self.lease.view)

    def carry(self, end: int, lease: Lease) -> None:
        """Move what lies behind the last cut to the start of a fresh buffer."""
        rest = self.filled - end
        lease.view[:rest] = self.lease.view[end : self.filled]
        self.lease.release()
        self.lease, self.filled = lease, rest

    def reading(self) -> Reading:
        """Return the content's pieces, length and digest."""
        return Reading(self.pieces, sum(length for _, _, length in self.pieces), self._hasher.digest())


def _cutter(cuts: Cuts, seed: int) -> FastCDC:
    smallest, average, largest = cuts
    return FastCDC(average, min_size=smallest, max_size=largest, normalized_chunking=1, seed=seed)
