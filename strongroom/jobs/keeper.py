"""One thread of a process that looks after everything long: leases that have to be renewed while their jobs work."""

import logging
import math
import os
import threading
from typing import Protocol

from strongroom.clock import Clock, SystemClock

log = logging.getLogger(__name__)


class Watched(Protocol):
    """Something to be looked after every `interval` seconds; the first time after one interval."""

    @property
    def interval(self) -> float:
        """Return the seconds between two looks."""

    def watch(self) -> None:
        """Do what is due; called from the keeper's thread."""


class Keeper:
    """Calls what was added, each at its interval, from a thread that starts on first use.

    What is removed before its first interval costs two locks and no switch of threads, which is what most jobs are:
    short. One that hangs keeps the others waiting; the ledger's statements are bounded by the catalog's time limits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due_at: dict[Watched, float] = {}
        self._wakes_at = math.inf
        self._at_work: Watched | None = None
        self._thread: threading.Thread | None = None

    def add(self, watched: Watched) -> None:
        """Look after something until it is removed."""
        with self._changed:
            due_at = self._due_at[watched] = self._clock.monotonic() + watched.interval
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()
            if due_at < self._wakes_at:
                self._changed.notify_all()

    def remove(self, watched: Watched) -> None:
        """Cease to look after it; returns when no look is under way."""
        with self._changed:
            self._due_at.pop(watched, None)
            self._changed.wait_for(lambda: self._at_work is not watched)

    def _run(self) -> None:
        while True:
            watched = self._await_next()
            try:
                watched.watch()
            except Exception:
                # The thread is everybody's: what goes wrong with one must not end it.
                log.exception("the keeper could not look after one of %d", len(self._due_at))
            self._put_back(watched)

    def _await_next(self) -> Watched:
        with self._changed:
            while True:
                watched = min(self._due_at, key=self._due_at.__getitem__, default=None)
                self._wakes_at = math.inf if watched is None else self._due_at[watched]
                seconds = self._wakes_at - self._clock.monotonic()
                if watched is not None and seconds <= 0:
                    self._at_work = watched
                    return watched
                self._changed.wait(None if watched is None else seconds)

    def _put_back(self, watched: Watched) -> None:
        with self._changed:
            self._at_work = None
            if watched in self._due_at:
                self._due_at[watched] = self._clock.monotonic() + watched.interval
            self._changed.notify_all()


class ProcessKeeper:
    """The keeper of this process; a child that was forked begins with one of its own, because threads stay behind."""

    def __init__(self) -> None:
        self.begin()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self) -> None:
        """Start afresh, with nothing to look after."""
        self.keeper = Keeper(SystemClock())


PROCESS = ProcessKeeper()
