"""Reused buffers: new pages cost more than what is done with them, and a bounded pool is what bounds memory."""

import mmap
import queue
import threading
from collections.abc import Callable

Gate = Callable[[], None]
"""Called while waiting; raises when the wait should end."""

LOOK_SECONDS = 0.1


class BufferPool:
    """At most `count` buffers of `size` bytes, made when first needed; whoever finds none waits for one.

    They begin on a page of memory, so that a store may hand what they hold to the disk as it is.
    """

    def __init__(self, count: int, size: int) -> None:
        self._size = size
        self._left = count
        self._free: queue.Queue[mmap.mmap] = queue.Queue()
        self._lock = threading.Lock()

    def acquire(self, gate: Gate) -> mmap.mmap:
        """Take a buffer, with whatever its last user left in it."""
        while True:
            try:
                return self._free.get_nowait()
            except queue.Empty:
                made = self._make()
            if made is not None:
                return made
            gate()
            try:
                return self._free.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue

    def release(self, buffer: mmap.mmap) -> None:
        """Give a buffer back."""
        self._free.put(buffer)

    def _make(self) -> mmap.mmap | None:
        with self._lock:
            if self._left == 0:
                return None
            self._left -= 1
        return mmap.mmap(-1, self._size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class Lease:
    """One buffer with several holders; it goes back to its pool when the last one lets go."""

    __slots__ = ("_buffer", "_holders", "_lock", "_pool", "view")

    def __init__(self, pool: BufferPool, gate: Gate) -> None:
        self._pool = pool
        self._buffer = pool.acquire(gate)
        self._holders = 1
        self._lock = threading.Lock()
        self.view = memoryview(self._buffer)

    def hold(self) -> None:
        """Add a holder."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """Let go."""
        with self._lock:
            self._holders -= 1
            last = self._holders == 0
        if last:
            self._pool.release(self._buffer)
