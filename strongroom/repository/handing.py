"""Handing frames of packs to threads: each reads a pack of its own while there is one, then helps the others."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from strongroom.repository.buffers import LOOK_SECONDS
from strongroom.repository.pack import OpenPack
from strongroom.repository.stopping import Halt, StoppedError
from strongroom.tracing import same_ids

Target = tuple[int, int, int, int]
"""Offset in the frame, length, token, offset in the content."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class FrameWanted:
    """A frame, and what of it goes where."""

    number: int
    targets: list[Target]


@dataclass(slots=True, eq=False)
class PackWanted:
    """A pack and the frames of it that are still to be handed out; whoever needs it first fetches it."""

    ordinal: int
    frames: deque[FrameWanted]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _opened: OpenPack | None = None

    def open(self, fetch: Callable[[int], OpenPack]) -> OpenPack:
        """Return the pack; it is fetched once, and goes when nobody hands out its frames any more."""
        with self._lock:
            if self._opened is None:
                self._opened = fetch(self.ordinal)
            return self._opened


class HandingPool(Generic[R]):
    """Threads that open frames and hand them on; no thread waits while another fetches a pack, save for the last ones.

    Two threads in one pack would both wait for it to come and to be verified, and for each other's directories.
    """

    def __init__(
        self,
        packs: Iterator[PackWanted],
        fetch: Callable[[int], OpenPack],
        take: Callable[[bytes, list[Target]], R],
        *,
        threads: int,
    ) -> None:
        self._packs = packs
        self._fetch = fetch
        self._take = take
        self._threads = threads
        self._halt = Halt()
        self._lock = threading.Lock()
        self._begun: list[PackWanted] = []
        self._results: deque[R] = deque()

    def run(self) -> Iterator[R]:
        """Hand everything out and yield the results, those of many frames at a time; raises the first error.

        Leaving the iteration early waits for the frames under way and drops the others.
        """
        executor = ThreadPoolExecutor(self._threads, thread_name_prefix="handing", initializer=same_ids())
        try:
            workers = {executor.submit(self._work) for _ in range(self._threads)}
            for worker in workers:
                self._halt.watch(worker)
            while workers:
                # Waking up for every frame would take the interpreter away from the threads at work.
                workers = wait(workers, LOOK_SECONDS, FIRST_EXCEPTION).not_done
                self._halt.raise_first()
                yield from self._finished()
        finally:
            self._halt.stop()
            executor.shutdown(wait=True)

    def _finished(self) -> Iterable[R]:
        while self._results:
            yield self._results.popleft()

    def _work(self) -> None:
        try:
            while (pack := self._next()) is not None:
                self._empty(pack)
        except StoppedError:
            return

    def _next(self) -> PackWanted | None:
        """Return a new pack, or when there is none the fullest of those that others are in."""
        with self._lock:
            self._begun = [pack for pack in self._begun if pack.frames]
            pack = next(self._packs, None)
            if pack is not None:
                self._begun.append(pack)
                return pack
            return max(self._begun, key=lambda begun: len(begun.frames), default=None)

    def _empty(self, pack: PackWanted) -> None:
        opened = pack.open(self._fetch)
        while pack.frames:
            self._halt.verify_running()
            try:
                frame = pack.frames.popleft()
            except IndexError:
                return
            self._results.append(self._take(opened.read(frame.number), frame.targets))
