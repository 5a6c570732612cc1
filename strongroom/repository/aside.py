"""Large files read aside: by a thread of its own, while the walk goes on with small ones.

Small files keep the walking thread busy and leave those that compress idle, large ones the other way round. Both at a
time keep all of them busy.
"""

from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

import msgspec

from strongroom.repository.buffers import LOOK_SECONDS, Gate
from strongroom.repository.cutting import FILE_CUTS, Cutting, Reading, Tick
from strongroom.repository.stopping import Halt
from strongroom.tracing import same_ids
from strongroom.tree.content import Problem, RewindableContent
from strongroom.tree.entry import Entry

MAX_ASIDE = 64
"""Files that wait for their turn, the one that is being read included; each has a descriptor open."""

_READS = 2
_NOTHING = memoryview(b"")

Holes = list[tuple[int, int]]


class ReadFile(msgspec.Struct, frozen=True, gc=False):
    """A file whose content was read and whose chunks are on their way."""

    entry: Entry
    reading: Reading
    holes: Holes


Outcome = tuple[ReadFile, Problem | None]


class FileAside(msgspec.Struct, frozen=True):
    """A file that is being read aside, or waits for that."""

    outcome: Future[Outcome]


class AsideReader:
    """Belongs to the walking thread, which hands files over; they are read one after the other."""

    def __init__(self, halt: Halt, cutting: Callable[[Tick], Cutting]) -> None:
        self._halt = halt
        self._cutting = cutting(self._count)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="large-files", initializer=same_ids())
        self._waiting: list[Future[Outcome]] = []
        self.bytes_read = 0

    def begin(self, opening: AbstractContextManager[RewindableContent], gate: Gate) -> FileAside:
        """Take an open file over; waits while too many are waiting, and closes it where that ends in an error."""
        try:
            self._wait_until(MAX_ASIDE - 1, gate)
        except BaseException:
            with opening:
                raise
        outcome = self._executor.submit(self._read, opening)
        self._waiting.append(outcome)
        self._halt.watch(outcome)
        return FileAside(outcome)

    def finish(self, gate: Gate) -> None:
        """Wait until all files are read."""
        self._wait_until(0, gate)

    def close(self) -> None:
        """Wait for the thread to end; files still waiting are closed without being read once the halt says so."""
        self._executor.shutdown(wait=True)

    def _wait_until(self, at_most: int, gate: Gate) -> None:
        while True:
            self._waiting = [outcome for outcome in self._waiting if not outcome.done()]
            gate()
            if len(self._waiting) <= at_most:
                return
            futures.wait(self._waiting[:1], timeout=LOOK_SECONDS)

    def _read(self, opening: AbstractContextManager[RewindableContent]) -> Outcome:
        with opening as content:
            for _ in range(_READS):
                self._halt.verify_running()
                content.rewind()
                reading = self._cutting.cut(content, FILE_CUTS, _NOTHING)
                outcome = ReadFile(content.entry, reading, content.holes()), content.settle()
                if outcome[1] is None:
                    break
            return outcome

    def _count(self, count: int) -> None:
        self._halt.verify_running()
        self.bytes_read += count
