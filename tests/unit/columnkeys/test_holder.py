"""A process holds one ring, learns a newer one when told or when a token asks for it, and reports the one in use."""

import gc
import os
import weakref
from datetime import UTC, datetime

import pytest

from strongroom.clock import SystemClock
from strongroom.columnkeys.changes import first_ring, new_version, promoted, with_pending
from strongroom.columnkeys.errors import ColumnKeyUnknownError, KeyRingNotFoundError
from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import KeyRing, KeyState

NOW = datetime(2026, 1, 14, tzinfo=UTC)


class Shelf:
    """A source in memory that counts how often it is asked."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring: KeyRing | None = ring
        self.loads = 0

    def load(self) -> KeyRing:
        self.loads += 1
        if self.ring is None:
            raise KeyRingNotFoundError("There is no ring.", next_step="Make one.")
        return self.ring


def v1() -> KeyRing:
    return first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom))


def with_v2(ring: KeyRing) -> KeyRing:
    return promoted(with_pending(ring, new_version("v2", KeyState.PENDING, NOW, os.urandom)), "v2", NOW)


class StandingClock(SystemClock):
    """A clock that moves when it is told to."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def test_the_ring_is_loaded_once():
    shelf = Shelf(v1())
    holder = KeyRingHolder(shelf)

    assert holder.fingerprint() is None
    assert holder.ring() is holder.ring()
    assert shelf.loads == 1
    assert holder.fingerprint() == shelf.ring.fingerprint()


def test_the_fingerprint_is_that_of_the_ring_in_use():
    shelf = Shelf(v1())
    holder = KeyRingHolder(shelf)
    before = holder.ring().fingerprint()
    shelf.ring = with_v2(shelf.ring)

    assert holder.fingerprint() == before
    assert holder.refresh()
    assert holder.fingerprint() == shelf.ring.fingerprint() != before
    assert not holder.refresh()


def test_an_unknown_version_is_looked_for_once_a_second_at_most():
    shelf, clock = Shelf(v1()), StandingClock()
    holder = KeyRingHolder(shelf, clock)
    holder.ring()
    for _ in range(3):
        with pytest.raises(ColumnKeyUnknownError):
            holder.get_version("v2")
    assert shelf.loads == 2

    shelf.ring = with_v2(shelf.ring)
    clock.seconds = 1.0
    assert holder.get_version("v2").name == "v2"


def test_a_source_that_fails_leaves_the_ring_in_use():
    shelf = Shelf(v1())
    holder = KeyRingHolder(shelf)
    ring = holder.ring()
    shelf.ring = None

    with pytest.raises(KeyRingNotFoundError):
        holder.refresh()
    assert holder.ring() is ring


def test_a_child_goes_on_with_the_ring_it_inherited():
    holder = KeyRingHolder(Shelf(v1()))
    fingerprint = holder.ring().fingerprint()
    with holder._lock:
        child = os.fork()
        if child == 0:
            held = holder.refresh() is False and holder.fingerprint() == fingerprint
            os._exit(0 if held else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_holder_that_nobody_uses_takes_its_ring_with_it():
    holder = KeyRingHolder(Shelf(v1()))
    gone = weakref.ref(holder)
    holder.ring()
    del holder
    gc.collect()

    assert gone() is None
