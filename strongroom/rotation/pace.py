"""How fast a re-encryption goes: sizes, limits, and waiting while the database is hard pressed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from strongroom.clock import Clock
from strongroom.rotation.access import Strain

SECONDS_BETWEEN_MEASURES = 0.5
SECONDS_BETWEEN_LOOKS = 0.2
YIELDING_BATCH = 200
YIELDING_ROWS = 5
"""Rows that are written at a time while others use the database: a statement of 20 already shows in their waits."""
STEPS_A_SECOND = 8
"""Writes a second that keep to a rate while others use the database: one in a hundred of theirs meets one of these."""
YIELDING_SHARE = 0.2
"""The part of its time that a range works while others use the database."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was asked for. Rows are read and converted `batch_size` at a time and written `commit_every` at a time.

    `parallel` ranges are worked on at the same time. `max_rows` is rows a second of one range, None without a limit.
    While a replica lags by more than `max_lag_seconds`, or more than `max_lock_waits` statements wait for locks, the
    work waits. A PostgreSQL table is vacuumed each time `vacuum_percent` of it was replaced; 0 never. With `yields` the
    work is done in small pieces with pauses between them as long as other programs use the database.
    """

    batch_size: int = 500
    commit_every: int = 1000
    parallel: int = 2
    max_rows: int | None = None
    max_lag_seconds: float = 1.5
    max_lock_waits: int = 5
    vacuum_percent: int = 10
    yields: bool = True

    def as_stored(self) -> dict[str, Any]:
        """Return the pace as the catalog keeps it."""
        return asdict(self)

    @classmethod
    def asked(cls, options: Mapping[str, Any]) -> Self:
        """Return the pace that options ask for by the names of its fields; other options are passed over."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in options.items() if name in names})

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `as_stored` wrote."""
        return cls(**stored)


class Brake:
    """Waits between writes as the pace says; `check` is called at least once a second and may end the wait."""

    def __init__(self, pace: Pace, clock: Clock, measure: Callable[[], Strain], check: Callable[[], None]) -> None:
        self._pace, self._clock, self._measure, self._check = pace, clock, measure, check
        self._free_at = self._began_at = clock.monotonic()
        self._measured_at = float("-inf")
        self.yielding = False
        """Whether others used the database when that was looked at last."""

    @property
    def batch_size(self) -> int:
        """Return how many rows to read at a time now."""
        return min(self._pace.batch_size, YIELDING_BATCH) if self.yielding else self._pace.batch_size

    @property
    def commit_every(self) -> int:
        """Return how many rows to write at a time now."""
        if not self.yielding:
            return self._pace.commit_every
        return min(self._pace.commit_every, max(YIELDING_ROWS, (self._pace.max_rows or 0) // STEPS_A_SECOND))

    def after(self, rows: int) -> None:
        """Return when more rows may be written after these."""
        worked = self._clock.monotonic() - self._began_at
        self._await_calm()
        if self.yielding:
            self._clock.sleep(min(worked * (1 / YIELDING_SHARE - 1), 1.0))
        if self._pace.max_rows is not None:
            self._keep_to(self._pace.max_rows, rows)
        self._began_at = self._clock.monotonic()

    def _keep_to(self, rate: int, rows: int) -> None:
        now = self._clock.monotonic()
        # Time that was lost is not made up for: after a pause the rate would be above the limit for a long time.
        self._free_at = max(self._free_at, now - 1.0) + rows / rate
        while (wait := self._free_at - self._clock.monotonic()) > 0:
            self._check()
            self._clock.sleep(min(wait, 1.0))

    def _await_calm(self) -> None:
        if self._clock.monotonic() - self._measured_at < SECONDS_BETWEEN_MEASURES:
            return
        while self._is_strained(strain := self._measure()):
            self._check()
            self._clock.sleep(SECONDS_BETWEEN_LOOKS)
        self.yielding = self._pace.yields and strain.others > 0
        self._measured_at = self._clock.monotonic()

    def _is_strained(self, strain: Strain) -> bool:
        return strain.lag_seconds > self._pace.max_lag_seconds or strain.lock_waits > self._pace.max_lock_waits
