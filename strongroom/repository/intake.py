"""Reading content: small files are bundled into chunks of about 1 MiB, larger content is cut where its bytes say so."""

from collections.abc import Callable

import blake3

from strongroom.repository.baseline import Baseline, runs_of
from strongroom.repository.buffers import BufferPool, Gate, Lease
from strongroom.repository.checkpoint import UNPLACED
from strongroom.repository.cutting import FILE_CUTS, STREAM_CUTS, Cuts, Cutting, Reading, Tick, fill
from strongroom.repository.pipeline import SealingPool
from strongroom.repository.root import SourceKeys
from strongroom.tree.content import OpenContent
from strongroom.tree.entry import Entry, Run

SMALL_BYTES = 512 * 1024
BUNDLE_BYTES = 1024 * 1024
MAX_KNOWN_FILES = 400_000
"""Whole files remembered for finding duplicates; bounds the memory that they take to some 80 MB."""

_NOTHING = memoryview(b"")
_OFFSET_BITS = 32
_OFFSET = (1 << _OFFSET_BITS) - 1

_BUNDLES = 6


class Intake:
    """Reads content in the walking thread and hands chunks to the pool.

    `tick` is called with the number of bytes after every read, and with 0 while waiting for a buffer; it may raise.
    """

    def __init__(
        self,
        pool: SealingPool,
        baseline: Baseline,
        cutting: Callable[[Tick], Cutting],
        *,
        keys: SourceKeys,
        tick: Tick,
    ) -> None:
        self._pool = pool
        self._baseline = baseline
        self._key = keys.content
        self._tick = tick
        self._wait: Gate = lambda: tick(0)
        self._bundles = BufferPool(_BUNDLES, BUNDLE_BYTES + SMALL_BYTES + 1)
        self._cutting = cutting(tick)
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
        if stream or size > SMALL_BYTES:
            return self._cut(content, STREAM_CUTS if stream else FILE_CUTS)
        room = self._room()
        filled = fill(content, room, size or SMALL_BYTES + 1, self._tick)
        if filled > SMALL_BYTES:
            return self._cut(content, FILE_CUTS, room[:filled])
        return self._bundled(room[:filled], previous)

    def take(self, entry: Entry, plain: memoryview) -> None:
        """Take in small content that lies in memory and that no reference can know.

        The entry gets digest, size, and the chunk in which the content comes to lie by its number.
        """
        # What `_bundled` comes to, in fewer calls, as this is done for most files of a first backup.
        entry.digest = digest = blake3.blake3(plain, key=self._key).digest()
        entry.size = length = len(plain)
        if not length:
            entry.extents = []
            return
        known = self._known.get(digest)
        if known is not None:
            self.reused_bytes += length
            entry.extents = [Run(UNPLACED, known >> _OFFSET_BITS, known & _OFFSET, length)]
            return
        bundle = self._bundle
        if bundle is None or self._used >= BUNDLE_BYTES:
            bundle = self._open_bundle()
        start = self._used
        self._used = end = start + length
        bundle.view[start:end] = plain
        entry.extents = [Run(UNPLACED, self._number, start, length)]
        if len(self._known) < MAX_KNOWN_FILES:
            self._known[digest] = self._number << _OFFSET_BITS | start

    def flush(self) -> None:
        """Hand the current bundle over, however full it is."""
        if self._bundle is None:
            return
        if self._used:
            self._pool.submit(self._number, self._bundle.view[: self._used], self._bundle)
        self._bundle.release()
        self._bundle, self._used = None, 0

    def _room(self) -> memoryview:
        return self._open_bundle().view[self._used :]

    def _open_bundle(self) -> Lease:
        if self._used >= BUNDLE_BYTES:
            self.flush()
        if self._bundle is None:
            self._bundle = Lease(self._bundles, self._wait)
            self._number, self._used = self._pool.placements.reserve(), 0
        return self._bundle

    def _bundled(self, plain: memoryview, previous: Entry | None) -> Reading:
        length = len(plain)
        digest = blake3.blake3(plain, key=self._key).digest()
        again = self._find_again(digest, length)
        if again is not None:
            return again
        stored = self._find_stored(digest, previous)
        if stored is not None:
            self.reused_bytes += length
            return Reading([], length, digest, stored)
        return self._keep(digest, length)

    def _find_again(self, digest: bytes, length: int) -> Reading | None:
        """Return where the same content lies that this backup has read before, or that there is none."""
        if length == 0:
            return Reading([], 0, digest)
        known = self._known.get(digest)
        if known is None:
            return None
        self.reused_bytes += length
        return Reading([(known >> _OFFSET_BITS, known & _OFFSET, length)], length, digest)

    def _keep(self, digest: bytes, length: int) -> Reading:
        """Leave the bytes that were put behind the others in the bundle there."""
        piece = (self._number, self._used, length)
        if len(self._known) < MAX_KNOWN_FILES:
            self._known[digest] = self._number << _OFFSET_BITS | self._used
        self._used += length
        return Reading([piece], length, digest)

    def _find_stored(self, digest: bytes, previous: Entry | None) -> tuple[Run, ...] | None:
        if previous is None:
            return self._baseline.find_content(digest)
        return tuple(runs_of(previous)) if previous.digest == digest else None

    def _cut(self, content: OpenContent, cuts: Cuts, start: memoryview = _NOTHING) -> Reading:
        self._baseline.expect_chunks()
        return self._cutting.cut(content, cuts, start)
