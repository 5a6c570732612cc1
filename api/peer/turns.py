"""Whose turn it is: few messages of one peer are worked on at a time, so that none takes every thread."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

MOST_IN_WORK = 4
MOST_WAITING = 32
WAIT_SECONDS = 1.0
"""Half of what an encryptor waits for a key that is being sent."""


@dataclass(slots=True)
class _Line:
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_IN_WORK))
    waiting: int = 0


class Turns:
    """The turns of all peers in one process; for one loop, as nothing here is safe between threads."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)

    @asynccontextmanager
    async def one(self, peer: str) -> AsyncIterator[bool]:
        """Hold a turn meanwhile; says whether there is one. It is waited for, but not for long nor by many."""
        line = self._lines[peer]
        has_turn = await _taken(line)
        try:
            yield has_turn
        finally:
            if has_turn:
                line.places.release()


async def _taken(line: _Line) -> bool:
    if line.waiting >= MOST_WAITING:
        return False
    line.waiting += 1
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await line.places.acquire()
    except TimeoutError:
        return False
    finally:
        line.waiting -= 1
