"""Standbys of PostgreSQL in the one-screen answer: what was seen last, and whether anybody still looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.catalog.standbys import StandbyState, list_standby_states
from strongroom.standby.judging import Verdict

UNWATCHED = "unwatched"
WATCHED_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class StandbyStatus:
    """One primary and its standby; the verdict is that of the last look, or `unwatched` where that is long ago."""

    name: str
    verdict: str
    lag_seconds: float | None
    checked_at: datetime | None
    findings: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Say whether the standby follows, and that was seen lately."""
        return self.verdict == Verdict.FOLLOWING


def standby_statuses(session: Session, names: Iterable[str], now: datetime) -> tuple[StandbyStatus, ...]:
    """Return the configured pairs, the worst first."""
    known = {state.name: state for state in list_standby_states(session)}
    found = [_status(name, known.get(name), now) for name in names]
    return tuple(sorted(found, key=lambda pair: (pair.healthy, pair.name)))


def _status(name: str, state: StandbyState | None, now: datetime) -> StandbyStatus:
    if state is None:
        return StandbyStatus(name, UNWATCHED, None, None, ("No worker has looked at it yet.",))
    if now - state.checked_at > WATCHED_WITHIN:
        return StandbyStatus(name, UNWATCHED, state.lag_seconds, state.checked_at, ("Nobody looks any more.",))
    what = tuple(finding["what"] for finding in state.findings)
    return StandbyStatus(name, state.verdict, state.lag_seconds, state.checked_at, what)
