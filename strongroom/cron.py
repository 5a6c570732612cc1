"""Cron expressions in a time zone: the moments at which something is due."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

NEVER = "never"
"""Written instead of an expression for what is never due."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields as in crontab(5), read in a time zone, or `never`; raises ValueError for anything else.

    When clocks change it does what Debian's cron does: a time that is skipped is due right after the change, and one
    that comes twice is due once, unless minutes or hours begin with `*`.
    """

    expression: str
    time_zone: str

    def __post_init__(self) -> None:
        verify_time_zone(self.time_zone)
        verify_cron(self.expression)

    def latest(self, at: datetime) -> datetime | None:
        """Return the last due moment that is not after `at`, in UTC."""
        start = self._local(at)
        # The search goes strictly backwards, and a moment that is due at `at` itself counts.
        return self._first(start.replace(second=1) if start.second == 0 else start, reverse=True)

    def next(self, after: datetime) -> datetime | None:
        """Return the first due moment after `after`, in UTC."""
        return self._first(self._local(after), reverse=False)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.time_zone)).replace(microsecond=0)

    def _first(self, start: datetime, *, reverse: bool) -> datetime | None:
        if self.expression == NEVER:
            return None
        found = next(CronSim(self.expression, start, reverse=reverse), None)
        return None if found is None else found.astimezone(UTC)


def verify_cron(expression: str) -> None:
    """Return when the expression can be used; raises ValueError, which says what is wrong with it."""
    if expression == NEVER:
        return
    try:
        CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(str(error)) from None


def verify_time_zone(name: str) -> None:
    """Return when there is such a time zone; raises ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("There is no such time zone.") from None
