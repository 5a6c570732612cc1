"""Writing checkpoints while a backup is being made, so that its death costs little.

Stored packs that no checkpoint tells of are lost with the process. So there are never more of them, counting those on
their way, than there are uploads, unless all of them together are smaller than one pack.
"""

import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from strongroom.repository.buffers import LOOK_SECONDS, Gate
from strongroom.repository.head import PackRef
from strongroom.repository.journal import Journal
from strongroom.repository.placements import Placements
from strongroom.repository.stopping import Halt
from strongroom.tracing import same_ids
from strongroom.tree.entry import Entry

JOURNAL_BYTES = 4 * 1024 * 1024
MAX_EXTENTS = 10_000
"""Of an entry in the journal; a larger file is read again after a death, and its chunks are found by their ids."""

Places = tuple[tuple[int, int, int], ...]
"""Chunk number, pack ordinal and frame number."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What one checkpoint is to say: packs, TREE frames, places of chunks, and the highest ordinal these may name."""

    packs: tuple[PackRef, ...]
    tree: tuple[bytes, ...]
    places: Places
    top: int


Sink = Callable[[Notes], None]
"""Writes a checkpoint."""


class Checkpoints:
    """What was read and stored since the last checkpoint, and the thread that writes the next one.

    A session that stores less than a pack writes none.
    """

    def __init__(self, sink: Sink, halt: Halt, *, pack_bytes: int, uploads: int) -> None:
        self._sink = sink
        self._halt = halt
        self._pack_bytes = pack_bytes
        self._uploads = uploads
        self._journal = Journal()
        self.read_one_piece = self._journal.later
        """As `read`, for a file of one extent at most; its entry is to stay as it is until `settle`."""
        self._changed = threading.Condition()
        self._fresh: list[PackRef] = []
        self._fresh_bytes = self._risked = self._risked_bytes = self._waiting = 0
        self._unplaced: list[int] = []
        self._numbered = 0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="checkpoint", initializer=same_ids())
        self._last: Future[None] | None = None

    @property
    def due(self) -> bool:
        """Say whether a checkpoint should be written now."""
        enough = self._fresh_bytes >= self._pack_bytes or self._journal.size >= JOURNAL_BYTES
        if not enough and not (self._waiting > 0 and self._fresh_bytes > 0):
            return False
        return self._last is None or self._last.done()

    def enter(self, name: bytes) -> None:
        """Note that the walk went into a directory."""
        self._journal.enter(name)

    def leave(self) -> None:
        """Note that it left it."""
        self._journal.leave()

    def read(self, entry: Entry) -> None:
        """Note a file that was read; its extents may name chunks by number."""
        if len(entry.extents) <= MAX_EXTENTS:
            self._journal.item(entry)

    def settle(self) -> None:
        """Put the entries of `read_one_piece` into the journal."""
        self._journal.settle()

    def admit(self, size: int) -> None:
        """Wait until a pack of this size may be stored; for the uploading threads."""
        with self._changed:
            self._waiting += 1
            while self._risked >= self._uploads and self._risked_bytes + size > self._pack_bytes:
                self._halt.verify_running()
                self._changed.wait(LOOK_SECONDS)
            self._waiting -= 1
            self._risked += 1
            self._risked_bytes += size

    def stored(self, pack: PackRef) -> None:
        """Note a pack that is in the region now."""
        with self._changed:
            self._fresh.append(pack)
            self._fresh_bytes += pack.size

    def write(self, placements: Placements, top: int) -> None:
        """Begin to write a checkpoint with everything noted so far."""
        with self._changed:
            packs, self._fresh, self._fresh_bytes = tuple(self._fresh), [], 0
        notes = Notes(packs, self._journal.take(), self._new_places(placements), top)
        self._last = self._executor.submit(self._write, notes)
        self._halt.watch(self._last)

    def finish(self, gate: Gate) -> None:
        """Wait for the checkpoint that is being written."""
        while self._last is not None and futures.wait([self._last], timeout=LOOK_SECONDS).not_done:
            gate()
        gate()

    def close(self) -> None:
        """Wait for the thread to end."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _new_places(self, placements: Placements) -> Places:
        """Return the places that chunks got since this was asked last."""
        waiting, self._unplaced = [*self._unplaced, *range(self._numbered, len(placements))], []
        self._numbered = len(placements)
        places = []
        for chunk in waiting:
            place = placements.find(chunk)
            if place is None:
                self._unplaced.append(chunk)
            else:
                places.append((chunk, *place))
        return tuple(places)

    def _write(self, notes: Notes) -> None:
        self._halt.verify_running()
        self._sink(notes)
        with self._changed:
            self._risked -= len(notes.packs)
            self._risked_bytes -= sum(pack.size for pack in notes.packs)
            self._changed.notify_all()
