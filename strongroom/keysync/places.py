"""How many may wait for one peer at a time, so that one that is slow leaves threads for everybody else."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

MOST_PUSHES = 8
"""Speak to one peer at a time, in one process; as many as there are connections to it."""
MOST_FOR_ONE = 24
"""Speak to one peer or wait until they may; the others are turned away at once."""
MOST_FOR_ALL = 32
"""The same for all peers together: a face has 40 threads, and the rest of them never waits for a peer."""


class Places:
    """The places for threads that send a key to a peer while an encryptor waits; safe between threads."""

    def __init__(self, peers: Iterable[str]) -> None:
        names = list(peers)
        self._pushing = {name: BoundedSemaphore(MOST_PUSHES) for name in names}
        self._coming = {name: BoundedSemaphore(MOST_FOR_ONE) for name in names}
        self._all = BoundedSemaphore(MOST_FOR_ALL)

    @contextmanager
    def one(self, peer: str, within: float) -> Iterator[bool]:
        """Hold a place meanwhile; says whether there is one. Where all are taken one is waited for, `within` seconds.

        At once there is none where too many wait already.
        """
        with _held(self._coming[peer]) as may_come, _held(self._all, skip=not may_come) as may_wait:
            with _held(self._pushing[peer], within, skip=not may_wait) as has_place:
                yield has_place


@contextmanager
def _held(places: BoundedSemaphore, within: float = 0.0, *, skip: bool = False) -> Iterator[bool]:
    taken = not skip and (places.acquire(timeout=within) if within > 0 else places.acquire(blocking=False))
    try:
        yield taken
    finally:
        if taken:
            places.release()
