"""How far a job is, how fast it goes and how long it still takes."""

import math
from dataclasses import asdict, dataclass
from typing import Any

HALF_LIFE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Where a handler says it is: what it is doing, bytes done, bytes in all if known, files or rows done."""

    phase: str
    done_bytes: int = 0
    total_bytes: int | None = None
    files: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """Bytes per second, smoothed, and the seconds that remain; None while unknown."""

    bytes_per_second: int | None
    seconds_left: int | None


class PaceMeter:
    """Smooths the speed so that the time left does not jump; a new phase starts afresh."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._at = 0.0
        self._done = 0
        self._rate: float | None = None

    def observe(self, now: float, progress: JobProgress) -> Pace:
        """Take in the progress at `now` (monotonic seconds) and return the pace."""
        if progress.phase != self._phase or progress.done_bytes < self._done:
            self._phase, self._rate = progress.phase, None
            self._at, self._done = now, progress.done_bytes
        elif now > self._at:
            self._rate = self._blend((progress.done_bytes - self._done) / (now - self._at), now - self._at)
            self._at, self._done = now, progress.done_bytes
        return self._pace(progress)

    def _blend(self, latest: float, seconds: float) -> float:
        if self._rate is None:
            return latest
        kept = math.pow(0.5, seconds / HALF_LIFE_SECONDS)
        return self._rate * kept + latest * (1 - kept)

    def _pace(self, progress: JobProgress) -> Pace:
        if self._rate is None:
            return Pace(None, None)
        if progress.total_bytes is None or self._rate < 1:
            return Pace(int(self._rate), None)
        return Pace(int(self._rate), round(max(0, progress.total_bytes - progress.done_bytes) / self._rate))


def as_stored(progress: JobProgress, pace: Pace) -> dict[str, Any]:
    """Return what `job.progress` holds: phase, done_bytes, total_bytes, files, rows, bytes_per_second, seconds_left."""
    return asdict(progress) | asdict(pace)
