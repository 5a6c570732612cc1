"""Time and randomness as arguments, so that a test decides both."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

RandomBytes = Callable[[int], bytes]

system_random: RandomBytes = os.urandom


def random_at_once(size: int) -> bytes:
    """Return up to 256 bytes of the kernel's generator; raises BlockingIOError where it would have to be waited for."""
    return os.getrandom(size, os.GRND_NONBLOCK)


class Clock(Protocol):
    """What code may ask about time."""

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only grow, for measuring durations."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
