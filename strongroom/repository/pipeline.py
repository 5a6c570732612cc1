"""The sealing pool: workers that hash, deduplicate, compress and seal chunks, each into a pack of its own."""

import queue
import threading
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import blake3

from strongroom.repository.baseline import Baseline
from strongroom.repository.buffers import LOOK_SECONDS, Gate, Lease
from strongroom.repository.frame import FrameKind
from strongroom.repository.placements import Place, Placements
from strongroom.repository.shelf import PackFiller, Shelf
from strongroom.repository.stopping import Halt
from strongroom.tracing import same_ids


@dataclass(frozen=True, slots=True)
class Chunk:
    """Plaintext on its way to a pack: the bytes, and the buffer they lie in."""

    number: int
    plain: memoryview
    lease: Lease


class SealingPool:
    """Takes chunks from the reading thread; equal chunks of one backup, and of what it stands upon, are stored once."""

    def __init__(self, shelf: Shelf, baseline: Baseline, halt: Halt, *, workers: int) -> None:
        self.placements = Placements()
        self._shelf = shelf
        self._baseline = baseline
        self._halt = halt
        self._id_key = shelf.target.chunk_id_key
        self._chunks: queue.Queue[Chunk | None] = queue.Queue()
        self._known: dict[bytes, Place | None] = {}
        self._reused = 0
        self._placed = threading.Condition()
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="sealer", initializer=same_ids())
        self._workers = [self._executor.submit(self._work) for _ in range(workers)]
        for worker in self._workers:
            halt.watch(worker)

    @property
    def reused_bytes(self) -> int:
        """Return the plaintext bytes that needed no storing because an equal chunk was there."""
        return self._reused

    def submit(self, number: int, plain: memoryview, lease: Lease) -> None:
        """Hand a chunk over; the pool lets go of the lease when it is done with the bytes."""
        lease.hold()
        self._chunks.put(Chunk(number, plain, lease))

    def finish(self, gate: Gate) -> None:
        """Wait until every chunk has its place and every worker has sent its last pack away."""
        for _ in self._workers:
            self._chunks.put(None)
        while futures.wait(self._workers, timeout=LOOK_SECONDS).not_done:
            gate()
        # A future counts as done a moment before its callbacks have told the halt, so each one is asked itself.
        gate()
        for worker in self._workers:
            worker.result()

    def close(self) -> None:
        """Wait for the workers to end; the caller has finished or stopped them."""
        self._executor.shutdown(wait=True)

    def _work(self) -> None:
        filler = PackFiller(self._shelf, self._halt.verify_running)
        while (chunk := self._next()) is not None:
            place = self._place(filler, chunk.plain)
            self.placements.settle(chunk.number, place)
            chunk.lease.release()
            filler.send_full()
        filler.finish()

    def _next(self) -> Chunk | None:
        while True:
            self._halt.verify_running()
            try:
                return self._chunks.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue

    def _place(self, filler: PackFiller, plain: memoryview) -> Place:
        chunk_id = blake3.blake3(plain, key=self._id_key).digest()
        known = self._find_or_claim(chunk_id, len(plain))
        if known is not None:
            return known
        place = filler.place(FrameKind.DATA, chunk_id, plain)
        with self._placed:
            self._known[chunk_id] = place
            self._placed.notify_all()
        return place

    def _find_or_claim(self, chunk_id: bytes, length: int) -> Place | None:
        """Return where an equal chunk lies, waiting for a worker that is placing one; None leaves it to the caller."""
        with self._placed:
            if chunk_id not in self._known:
                self._known[chunk_id] = self._baseline.find_chunk(chunk_id)
                if self._known[chunk_id] is None:
                    return None
            while (known := self._known[chunk_id]) is None:
                self._halt.verify_running()
                self._placed.wait(LOOK_SECONDS)
            self._reused += length
            return known
