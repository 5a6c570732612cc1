"""How threads that work for one writer stop together: the first error is kept, and all others see that it is over."""

import threading
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """This thread's work is no longer wanted, because another one failed or the writer was left."""


class Halt:
    """The first error of any thread and the signal that follows it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def watch(self, future: "Future[T]") -> None:
        """Stop everything if this future fails."""
        future.add_done_callback(self._on_done)

    def stop(self) -> None:
        """Tell every thread to stop at its next look."""
        self._event.set()

    def verify_running(self) -> None:
        """For a working thread: raise StoppedError once it is over."""
        if self._event.is_set():
            raise StoppedError

    def raise_first(self) -> None:
        """For the thread that waits: raise the first error, if there was one."""
        if self._event.is_set() and self._error is not None:
            raise self._error

    def _on_done(self, future: "Future[T]") -> None:
        error = None if future.cancelled() else future.exception()
        if error is None:
            return
        with self._lock:
            if self._error is None and not self._event.is_set():
                self._error = error
        self._event.set()
