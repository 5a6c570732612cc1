"""Reading content: small files are bundled into chunks of about 1 MiB, larger content is cut where its bytes say so."""

from collections.abc import Callable

import blake3
import msgspec
from pyfastcdc import FastCDC

from strongroom.repository.baseline import Baseline, runs_of
from strongroom.repository.buffers import BufferPool, Gate, Lease
from strongroom.repository.pipeline import SealingPool
from strongroom.repository.root import SourceKeys
from strongroom.tree.content import OpenContent
from strongroom.tree.entry import Entry, Run

SMALL_BYTES = 512 * 1024
BUNDLE_BYTES = 1024 * 1024
SEGMENT_BYTES = 5 * 1024 * 1024
"""Holds the largest chunk of a file and more, so that every segment brings one; three are always in memory."""
FILE_CUTS = (256 * 1024, 1024 * 1024, 4 * 1024 * 1024)
STREAM_CUTS = (64 * 1024, 256 * 1024, 1024 * 1024)
MAX_KNOWN_FILES = 400_000
"""Whole files remembered for finding duplicates; bounds the memory that they take to some 80 MB."""

_OFFSET_BITS = 32

_BUNDLES = 6
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


class Intake:
    """Reads content in the walking thread and hands chunks to the pool.

    `tick` is called with the number of bytes after every read, and with 0 while waiting for a buffer; it may raise.
    """

    def __init__(self, pool: SealingPool, baseline: Baseline, *, keys: SourceKeys, tick: Callable[[int], None]) -> None:
        self._pool = pool
        self._baseline = baseline
        self._key = keys.content
        self._tick = tick
        self._wait: Gate = lambda: tick(0)
        self._file_cutter = _cutter(FILE_CUTS, keys.cut_seed)
        self._stream_cutter = _cutter(STREAM_CUTS, keys.cut_seed)
        self._bundles = BufferPool(_BUNDLES, BUNDLE_BYTES + SMALL_BYTES + 1)
        self._segments = BufferPool(_SEGMENTS, SEGMENT_BYTES)
        self._bundle: Lease | None = None
        self._number = 0
        self._used = 0
        # Chunk number and offset as one number, which takes 50 bytes a file less than a pair.
        self._known: dict[bytes, int] = {}
        self.reused_bytes = 0

    def read(self, content: OpenContent, *, stream: bool, previous: Entry | None, size: int | None = None) -> Reading:
        """Read content to its end; a stream has no size and is cut finer. `previous` is what was under its name.

        `size` is how much is left to read, where that is not all of it.
        """
        size = content.entry.size if size is None else size
        if stream:
            return self._cut(content, memoryview(b""), self._stream_cutter)
        if size > SMALL_BYTES:
            return self._cut(content, memoryview(b""), self._file_cutter)
        room = self._room()
        filled = self._fill(content, room, size or SMALL_BYTES + 1)
        if filled > SMALL_BYTES:
            return self._cut(content, room[:filled], self._file_cutter)
        return self._bundled(room[:filled], previous)

    def flush(self) -> None:
        """Hand the current bundle over, however full it is."""
        if self._bundle is None:
            return
        if self._used:
            self._pool.submit(self._number, self._bundle.view[: self._used], self._bundle)
        self._bundle.release()
        self._bundle = None

    def _room(self) -> memoryview:
        if self._bundle is not None and self._used >= BUNDLE_BYTES:
            self.flush()
        if self._bundle is None:
            self._bundle = Lease(self._bundles, self._wait)
            self._number, self._used = self._pool.placements.reserve(), 0
        return self._bundle.view[self._used :]

    def _fill(self, content: OpenContent, view: memoryview, wanted: int) -> int:
        """Read until `wanted` bytes are there or the content ends; return how many there are."""
        filled = 0
        while filled < wanted:
            count = content.readinto(view[filled:wanted])
            if count == 0:
                break
            filled += count
            self._tick(count)
            if filled < wanted:
                # It may be a pipe, whose next bytes come when they come.
                self._wait()
        return filled

    def _bundled(self, plain: memoryview, previous: Entry | None) -> Reading:
        length = len(plain)
        digest = blake3.blake3(plain, key=self._key).digest()
        if length == 0:
            return Reading([], 0, digest)
        known = self._known.get(digest)
        if known is not None:
            self.reused_bytes += length
            return Reading([(known >> _OFFSET_BITS, known & ((1 << _OFFSET_BITS) - 1), length)], length, digest)
        stored = self._find_stored(digest, previous)
        if stored is not None:
            self.reused_bytes += length
            return Reading([], length, digest, stored)
        piece = (self._number, self._used, length)
        if len(self._known) < MAX_KNOWN_FILES:
            self._known[digest] = self._number << _OFFSET_BITS | self._used
        self._used += length
        return Reading([piece], length, digest)

    def _find_stored(self, digest: bytes, previous: Entry | None) -> tuple[Run, ...] | None:
        if previous is None:
            return self._baseline.find_content(digest)
        return tuple(runs_of(previous)) if previous.digest == digest else None

    def _cut(self, content: OpenContent, start: memoryview, cutter: FastCDC) -> Reading:
        self._baseline.expect_chunks()
        segment = _Segment(Lease(self._segments, self._wait), self._key)
        try:
            segment.begin(start)
            while True:
                filled = self._fill(content, segment.free(), len(segment.free()))
                whole = segment.grow(filled)
                end = self._submit_chunks(segment, cutter, last=not whole)
                if not whole:
                    return segment.reading()
                segment.carry(end, Lease(self._segments, self._wait))
        finally:
            segment.lease.release()

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


def _cutter(cuts: tuple[int, int, int], seed: int) -> FastCDC:
    smallest, average, largest = cuts
    return FastCDC(average, min_size=smallest, max_size=largest, normalized_chunking=1, seed=seed)
