"""How many packs a day's reading takes."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.catalog.region_verifications import PackReading
from strongroom.upkeep.reading import Portion

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
MONTH = timedelta(days=29)


def packs(*days_unread: float) -> list[PackReading]:
    """Return packs of 10 bytes, unread for so many days."""
    return [PackReading(size=10, unread_since=NOW - timedelta(days=days)) for days in days_unread]


def test_the_wanted_bytes_are_read_and_the_pack_that_crosses_the_line() -> None:
    assert len(Portion(NOW, NOW - MONTH, 25, math.inf).take(packs(5, 4, 3, 2, 1))) == 3


def test_what_is_overdue_is_read_beyond_the_wanted_bytes() -> None:
    assert len(Portion(NOW, NOW - MONTH, 10, math.inf).take(packs(40, 35, 31, 29.5, 28, 5))) == 4


def test_the_most_bytes_are_never_exceeded_even_when_packs_are_overdue() -> None:
    portion = Portion(NOW, NOW - MONTH, 1000, 25)
    assert len(portion.take(packs(40, 35, 31))) == 2
    assert portion.spent == 20
    assert portion.take(packs(31)) == []


def test_what_an_earlier_attempt_read_counts() -> None:
    assert len(Portion(NOW, NOW - MONTH, 30, math.inf, spent=20).take(packs(5, 4, 3))) == 1


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(0, 100), st.integers(1, 40))
def test_with_a_portion_a_day_no_pack_goes_unread_for_longer_than_it_may(days: int, count: int, born: int) -> None:
    waiting = [float(number % born) * (days - 1) / born for number in range(count)]
    for _ in range(2 * days):
        waiting = sorted((age + 1 for age in waiting), reverse=True)
        assert all(age <= days for age in waiting)
        portion = Portion(NOW, NOW - timedelta(days=days - 1), 10 * count / days, math.inf)
        taken = len(portion.take(packs(*waiting)))
        waiting = waiting[taken:] + [0.0] * taken
