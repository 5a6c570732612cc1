"""A clock that only sleeping moves, and limits that are kept by it."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from strongroom.storage.throttle import Throttle, TrafficLimits

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class SleptClock:
    """Time passes when somebody waits, and then at once."""

    slept: float = 0.0
    naps: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.naps.append(seconds)
            self.slept += seconds


def one_mib_a_second(clock: SleptClock) -> Throttle:
    limits = TrafficLimits(upload_mib_per_second=1, download_mib_per_second=1)
    return limits.throttle(clock=clock)
