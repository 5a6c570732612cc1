"""How a worker ends: it takes nothing more, gives its jobs some seconds to reach a safe place, then hands them back.

Celery alone would either wait for a backup of six hours or break it off at once.
"""

import logging
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps
from celery.worker import state

from worker.ending import end_by_force
from worker.settings import read_settings

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.25
QUIET_LOOKS = 2
"""A job that has just ended still has its message to acknowledge."""
HURRY_SECONDS = 5.0
"""What SIGQUIT leaves to the jobs, where the grace is not shorter still."""
HARD_SECONDS = 15.0
"""After this much more, whatever is left of the worker is killed; its leases lapse and others take over."""


class StopFlag:
    """One byte of memory that a worker shares with the pool processes it forks."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Say that the worker is about to end."""
        self._shared[0] = 1

    def is_set(self) -> bool:
        """Say whether the worker is about to end; a handler asks this at every check."""
        return self._shared[0] == 1


stopping = StopFlag()
"""Made on import, so before any fork."""


class GracefulStop(bootsteps.StartStopStep):
    """Takes over the signals that end a worker, once it takes messages."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._pool = parent.pool
        self._celerys: Callable[..., None] | None = None
        self._deadline = float("inf")

    def start(self, parent: Any) -> None:
        """Install the handlers the first time; be called by the loop from time to time, so that it looks around."""
        if self._celerys is None:
            celerys = signal.getsignal(signal.SIGQUIT)
            self._celerys = celerys if callable(celerys) else None
            for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
                signal.signal(number, self._on_signal)
        parent.timer.call_repeatedly(SECONDS_BETWEEN_LOOKS, self._look, (parent,))

    def _look(self, parent: Any) -> None:
        """Stop taking messages; in the loop, because a signal may come in the middle of a conversation."""
        if stopping.is_set() and parent.task_consumer:
            parent.task_consumer.cancel()

    def _on_signal(self, number: int, frame: Any) -> None:
        if stopping.is_set() and time.monotonic() >= self._deadline and self._celerys:
            self._celerys(number, frame)
            return
        grace = float(read_settings().worker.grace_seconds)
        hurry = stopping.is_set() or number == signal.SIGQUIT
        patience = min(grace, HURRY_SECONDS) if hurry else grace
        self._deadline = min(self._deadline, time.monotonic() + patience)
        if not stopping.is_set():
            stopping.set()
            threading.Thread(target=self._drain, name="graceful-stop", daemon=True).start()

    def _drain(self) -> None:
        """Wait until no job is left, or time is over; the main thread may be busy with a broker that is away."""
        log.warning("The worker ends: its jobs are to reach a safe place.")
        quiet = 0
        while quiet < QUIET_LOOKS and time.monotonic() < self._deadline:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            quiet = 0 if state.requests else quiet + 1
        if quiet == QUIET_LOOKS:
            state.should_stop = os.EX_OK
        else:
            log.warning("The grace is over: %d jobs are handed back as they are.", len(state.requests))
            os.kill(os.getpid(), signal.SIGQUIT)
        time.sleep(HARD_SECONDS)
        log.critical("The worker did not end in order and is killed.")
        end_by_force(self._pool)
