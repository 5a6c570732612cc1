"""Threads that want something of the same kind at the same time, served by one call for all of them."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

PileT = TypeVar("PileT", bound=Hashable)
ThingT = TypeVar("ThingT")

MOST_AT_A_TIME = 16
"""Of one call: whoever came first waits for what the others add to it."""


@dataclass
class _Wish(Generic[ThingT]):
    """One thread that waits; `leads` when it is its turn to call."""

    moved_on: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    thing: ThingT | None = None
    error: Exception | None = None


class Gatherer(Generic[PileT, ThingT]):
    """Takes things from piles, with one call at a time for each pile; safe between threads.

    `take_many(pile, count)` returns as many different things at most. A thread that finds nobody calling calls at once;
    those that come meanwhile share the next call, which one of them makes. What a call raises, all who share it raise.
    """

    def __init__(self, take_many: Callable[[PileT, int], list[ThingT]]) -> None:
        self._take_many = take_many
        self._lock = threading.Lock()
        self._waiting: dict[PileT, list[_Wish[ThingT]]] = {}

    def take(self, pile: PileT) -> ThingT | None:
        """Return something that nobody else is given, None where the pile had none left."""
        wish: _Wish[ThingT] = _Wish()
        with self._lock:
            # A pile has a list for as long as somebody calls for it.
            if pile in self._waiting:
                self._waiting[pile].append(wish)
            else:
                self._waiting[pile], wish.leads = [], True
        if not wish.leads:
            wish.moved_on.wait()
        if wish.leads:
            self._serve(pile, wish)
        if wish.error is not None:
            raise wish.error
        return wish.thing

    def _serve(self, pile: PileT, own: _Wish[ThingT]) -> None:
        with self._lock:
            waiting = self._waiting[pile]
            others = waiting[: MOST_AT_A_TIME - 1]
            del waiting[: len(others)]
        try:
            things = self._take_many(pile, 1 + len(others))
            for wish, thing in zip((own, *others), things, strict=False):
                wish.thing = thing
        except Exception as error:  # noqa: BLE001  # everybody who shares the call raises it
            for wish in (own, *others):
                wish.error = error
        finally:
            self._hand_on(pile)
            for wish in others:
                wish.moved_on.set()

    def _hand_on(self, pile: PileT) -> None:
        """Let the one who waits longest call next."""
        with self._lock:
            waiting = self._waiting[pile]
            if not waiting:
                del self._waiting[pile]
                return
            following = waiting.pop(0)
        following.leads = True
        following.moved_on.set()
