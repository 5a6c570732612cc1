"""The ring that a process holds: loaded once, loaded anew when told to, and when a token names a version not in it."""

import os
import threading
import weakref

from strongroom.clock import Clock, SystemClock
from strongroom.columnkeys.errors import ColumnKeyUnknownError
from strongroom.columnkeys.ring import KeyRing, KeyRingSource, KeyVersion

SECONDS_BETWEEN_SEARCHES = 1.0


class KeyRingHolder:
    """Keeps the ring of a source; threads may share it, and a child that was forked goes on with what it inherited.

    What it holds is what it reports: a fingerprint is that of the ring in use, never of a file that was not loaded.
    """

    def __init__(self, source: KeyRingSource, clock: Clock | None = None) -> None:
        self._source = source
        self._clock = clock or SystemClock()
        self._ring: KeyRing | None = None
        self._searched_at = float("-inf")
        self.begin()
        _HOLDERS.add(self)

    def ring(self) -> KeyRing:
        """Return the ring, loaded at the first call; raises as its source does."""
        return self._ring or self._load_first()

    def fingerprint(self) -> str | None:
        """Return that of the ring in use, or None before one is."""
        return self._ring.fingerprint() if self._ring else None

    def refresh(self) -> bool:
        """Load the ring anew and say whether it changed; raises as its source does, and keeps the one in use then."""
        with self._lock:
            loaded = self._source.load()
            changed = self._ring is None or loaded.fingerprint() != self._ring.fingerprint()
            if changed:
                self._ring = loaded
            return changed

    def get_version(self, name: str) -> KeyVersion:
        """Return a version that may read; looks into the source once a second at most for one that is not in the ring.

        Raises ColumnKeyUnknownError, ColumnKeyDisabledError, ColumnKeyDestroyedError, and as its source does.
        """
        try:
            return self.ring().get_version(name)
        except ColumnKeyUnknownError:
            if not self._may_search():
                raise
        self.refresh()
        return self.ring().get_version(name)

    def _load_first(self) -> KeyRing:
        with self._lock:
            if self._ring is None:
                self._ring = self._source.load()
            return self._ring

    def _may_search(self) -> bool:
        with self._lock:
            now = self._clock.monotonic()
            due = now - self._searched_at >= SECONDS_BETWEEN_SEARCHES
            if due:
                self._searched_at = now
            return due

    def begin(self) -> None:
        """Start afresh with the ring in hand; a thread that stayed behind in the parent may have held the lock."""
        self._lock = threading.Lock()


def _begin_in_child() -> None:
    for holder in list(_HOLDERS):
        holder.begin()


# Not kept alive by this: a ring that is held for the length of a job goes with it.
_HOLDERS: "weakref.WeakSet[KeyRingHolder]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_begin_in_child)
