"""How fast a region may be used: requests a second, and bytes a second in each direction.

A limit holds for all threads of a process. `share` says among how many processes it is divided at the moment.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from strongroom.clock import Clock, SystemClock
from strongroom.storage.store import Body

SLICE_BYTES = 64 * 1024
"""What is paid for at a time, so that a limit is kept within every second and not only on average."""

_BURST_SECONDS = 0.25
_MIB = 1024 * 1024

Share = Callable[[], int]
"""Says among how many processes the limits are divided, one at least."""


def undivided() -> int:
    """Leave the whole limit to this process."""
    return 1


class Meter:
    """Makes its callers wait so that no more than `rate` units a second pass; without a rate, nobody waits."""

    def __init__(self, rate: float | None, *, clock: Clock, share: Share = undivided) -> None:
        self._rate = rate
        self._clock = clock
        self._share = share
        self._lock = threading.Lock()
        self._paid_until = float("-inf")

    @property
    def is_limited(self) -> bool:
        """Say whether anybody is ever made to wait."""
        return self._rate is not None

    def monotonic(self) -> float:
        """Return the seconds of the clock that is gone by."""
        return self._clock.monotonic()

    def pay(self, units: int) -> None:
        """Return when this many units may pass."""
        if self._rate is None:
            return
        seconds = units * max(1, self._share()) / self._rate
        with self._lock:
            now = self._clock.monotonic()
            # Time in which nothing passed is not saved up, but for a moment's worth.
            self._paid_until = max(self._paid_until, now - _BURST_SECONDS) + seconds
            wait = self._paid_until - now
        if wait > 0:
            self._clock.sleep(wait)

    def slices(self, body: Body) -> Iterator[memoryview]:
        """Yield the body, whole or in slices, each when it may pass."""
        rest = memoryview(body).cast("B")
        size = SLICE_BYTES if self.is_limited else max(1, len(rest))
        for start in range(0, len(rest), size):
            part = rest[start : start + size]
            self.pay(len(part))
            yield part


@dataclass(frozen=True, slots=True)
class Throttle:
    """The limits of one region."""

    requests: Meter
    upload: Meter
    download: Meter


@dataclass(frozen=True, slots=True)
class TrafficLimits:
    """Limits as configured; None is unlimited."""

    requests_per_second: float | None = None
    upload_mib_per_second: float | None = None
    download_mib_per_second: float | None = None

    @property
    def are_set(self) -> bool:
        """Say whether there is any limit."""
        return self != TrafficLimits()

    def throttle(self, *, clock: Clock, share: Share = undivided) -> Throttle:
        """Return the meters that keep these limits."""
        return Throttle(
            requests=Meter(self.requests_per_second, clock=clock, share=share),
            upload=Meter(_bytes(self.upload_mib_per_second), clock=clock, share=share),
            download=Meter(_bytes(self.download_mib_per_second), clock=clock, share=share),
        )


def unlimited() -> Throttle:
    """Return a throttle that makes nobody wait."""
    return TrafficLimits().throttle(clock=SystemClock())


class PacedBody(io.RawIOBase):
    """A body that is read in place, no faster than its meter allows; bytes read again are paid for again."""

    def __init__(self, body: Body, meter: Meter) -> None:
        super().__init__()
        self._view = memoryview(body).cast("B")
        self._meter = meter
        self._at = 0

    def __len__(self) -> int:
        return len(self._view)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        self._at = min(max(0, base + offset), len(self._view))
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        return bytes(self.take(len(self._view) if size < 0 else size))

    def take(self, size: int) -> memoryview:
        """Return the next bytes where they lie, fewer at the end; they stay the body's."""
        part = self._view[self._at : self._at + size]
        self._meter.pay(len(part))
        self._at += len(part)
        return part

    @property
    def is_paced(self) -> bool:
        """Say whether the meter ever makes anybody wait, so that pieces have to stay small."""
        return self._meter.is_limited

    def monotonic(self) -> float:
        """Return the seconds that the meter goes by."""
        return self._meter.monotonic()


def _bytes(mib: float | None) -> float | None:
    return None if mib is None else mib * _MIB
