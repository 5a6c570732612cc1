"""The policy engine: a pure function from the backups of a source to the reasons why each of them stays.

Every rule only ever adds reasons, so that a longer policy keeps whatever a shorter one does. Periods are those of UTC.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from strongroom.retention.candidates import OF_POLICY, Block, Candidate, Decision, Reason
from strongroom.retention.terms import Terms

Period = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for a source: the terms wanted now (None where the policy is unknown) and those agreed upon before."""

    wanted: Terms | None
    agreed: Terms | None
    max_share: float
    """The part of a source's backups, 0 to 1, that one run may delete; a single one always may go."""


def plan_source(candidates: Sequence[Candidate], rules: Rules, now: datetime) -> list[Decision]:
    """Decide on every backup of one source, newest first; no two calls with the same arguments differ."""
    newest_first = sorted(candidates, key=lambda one: (one.created_at, one.id), reverse=True)
    if rules.wanted is None:
        return [_unknown(found) for found in keep(newest_first, _NOTHING, now)]
    decisions = keep(newest_first, rules.wanted, now)
    if rules.agreed is not None and rules.wanted.shorter_in(rules.agreed):
        decisions = _as_agreed(decisions, keep(newest_first, rules.wanted.both(rules.agreed), now))
    if not any(OF_POLICY.intersection(one.reasons) or Block.SHORTENED in one.blocks for one in decisions):
        return [_blocked(one, Block.EVERYTHING) for one in decisions]
    return _within_share(decisions, rules.max_share)


def keep(newest_first: Sequence[Candidate], terms: Terms, now: datetime) -> list[Decision]:
    """Say of every backup what keeps it under these terms, and what the catalog knows to be in the way."""
    rules: list[_Newest | _Fulls | _Once | _Doubted] = [*_periods(terms), _Fulls(terms.min_fulls), *_always()]
    oldest = now - timedelta(days=terms.retention_days)
    decisions = []
    for one in newest_first:
        reasons = [Reason.DAYS] if one.created_at > oldest and terms.retention_days else []
        kept = [rule.reason for rule in rules if rule.keeps(one)]
        if kept:
            # Most rules have kept all they can after the newest few.
            reasons += kept
            rules = [rule for rule in rules if not rule.spent]
        reasons += [Reason.HELD] if one.held else []
        decisions.append(Decision(one, tuple(reasons), () if reasons else one.blocks))
    return decisions


class _Newest:
    """Keeps the newest restorable backup of each of so many periods that have one."""

    def __init__(self, reason: Reason, count: int, period: Callable[[Candidate], Period]) -> None:
        self.reason = reason
        self._left = count
        self._period = period
        self._last: Period | None = None

    @property
    def spent(self) -> bool:
        return not self._left

    def keeps(self, one: Candidate) -> bool:
        if not self._left or not one.restorable:
            return False
        period = self._period(one)
        if period == self._last:
            return False
        self._last = period
        self._left -= 1
        return True


class _Fulls:
    """Keeps so many restorable full backups, the newest ones."""

    reason = Reason.FULLS

    def __init__(self, count: int) -> None:
        self._left = count

    @property
    def spent(self) -> bool:
        return not self._left

    def keeps(self, one: Candidate) -> bool:
        kept = self._left > 0 and one.full and one.restorable
        self._left -= kept
        return kept


def _is_proven(one: Candidate) -> bool:
    return one.proven


def _is_restorable(one: Candidate) -> bool:
    return one.restorable


class _Once:
    """Keeps the first backup of its sort."""

    def __init__(self, reason: Reason, sort: Callable[[Candidate], bool] = _is_restorable) -> None:
        self.reason = reason
        self._sort = sort
        self._found = False

    @property
    def spent(self) -> bool:
        return self._found

    def keeps(self, one: Candidate) -> bool:
        kept = not self._found and self._sort(one)
        self._found = self._found or kept
        return kept


class _Doubted:
    """Keeps the newest backup that a drill has restored, also if a later one failed, unless a newer one is proven."""

    reason = Reason.DOUBTED

    def __init__(self) -> None:
        self._found = False

    @property
    def spent(self) -> bool:
        return self._found

    def keeps(self, one: Candidate) -> bool:
        kept = not self._found and one.doubted
        self._found = self._found or one.doubted or one.proven
        return kept


def _day(one: Candidate) -> Period:
    return one.created_at.year, one.created_at.month, one.created_at.day


_PERIODS: dict[Reason, tuple[str, Callable[[Candidate], Period]]] = {
    Reason.LAST: ("keep_last", lambda one: (one.id.int,)),
    Reason.HOURLY: ("keep_hourly", lambda one: (*_day(one), one.created_at.hour)),
    Reason.DAILY: ("keep_daily", _day),
    Reason.WEEKLY: ("keep_weekly", lambda one: one.created_at.isocalendar()[:2]),
    Reason.MONTHLY: ("keep_monthly", lambda one: (one.created_at.year, one.created_at.month)),
    Reason.YEARLY: ("keep_yearly", lambda one: (one.created_at.year,)),
}
_NOTHING = Terms(0)


def _periods(terms: Terms) -> list[_Newest]:
    numbers = terms.as_json()
    return [_Newest(reason, numbers[name], period) for reason, (name, period) in _PERIODS.items() if numbers[name]]


def _always() -> list[_Once | _Doubted]:
    return [_Once(Reason.NEWEST), _Once(Reason.PROVEN, _is_proven), _Doubted()]


def _unknown(found: Decision) -> Decision:
    return found if found.reasons else replace(found, blocks=(*found.blocks, Block.UNKNOWN_POLICY))


def _as_agreed(wanted: list[Decision], agreed: list[Decision]) -> list[Decision]:
    """Keep from going what only the shorter terms let go."""
    pairs = zip(wanted, agreed, strict=True)
    return [_blocked(new, Block.SHORTENED) if old.reasons and not new.reasons else new for new, old in pairs]


def _within_share(decisions: list[Decision], max_share: float) -> list[Decision]:
    going = sum(one.goes for one in decisions)
    if going <= max(1, int(len(decisions) * max_share)):
        return decisions
    return [_blocked(one, Block.SHARE) for one in decisions]


def _blocked(one: Decision, block: Block) -> Decision:
    return one if one.reasons else replace(one, blocks=(*one.blocks, block))
