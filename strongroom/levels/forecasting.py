"""How long a restore of today's size would take, from the drills that were held."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAST_BYTES = 64 << 20
"""A smaller drill measures what every restore costs, not what a byte costs; it counts as one of this size."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One passed drill: the size of the source, the seconds before its first byte, and those of its bytes."""

    bytes: int
    fixed_seconds: float
    restoring_seconds: float

    @property
    def seconds_a_byte(self) -> float:
        """Return the pace of the drill."""
        return self.restoring_seconds / max(self.bytes, LEAST_BYTES)


def forecast_seconds(drills: Sequence[Measured], bytes_now: int) -> float | None:
    """Return the seconds that restoring so many bytes would take; None without drills.

    A source that is not larger than in the newest drill is forecast at least that drill's own pace; the medians of the
    drills keep a single slow one from deciding.
    """
    if not drills:
        return None
    fixed = median(drill.fixed_seconds for drill in drills)
    pace = median(drill.seconds_a_byte for drill in drills)
    return fixed + pace * max(bytes_now, LEAST_BYTES)
