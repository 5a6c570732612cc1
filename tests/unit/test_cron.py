"""When something is due, on ordinary days and on those on which clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.cron import NEVER, Cron

EXPRESSIONS = ["0 1 * * *", "30 1 * * *", "*/15 * * * *", "0 1 * * 0", "15 2 1 * *", "0 12 * * 1-5"]
ZONES = ["UTC", "Europe/Lisbon", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_latest_and_the_next_moment_lie_on_both_sides_of_now() -> None:
    nightly = Cron("0 1 * * *", "Europe/Lisbon")
    assert nightly.latest(utc("2026-07-10T12:00:00")) == utc("2026-07-10T00:00:00")
    assert nightly.next(utc("2026-07-10T12:00:00")) == utc("2026-07-11T00:00:00")


@pytest.mark.parametrize("fraction", ["", ".5", ".999999"])
def test_a_moment_is_due_when_it_comes(fraction: str) -> None:
    nightly = Cron("0 1 * * *", "UTC")
    assert nightly.latest(utc(f"2026-07-10T01:00:00{fraction}")) == utc("2026-07-10T01:00:00")
    assert nightly.latest(utc(f"2026-07-10T00:59:59{fraction}")) == utc("2026-07-09T01:00:00")


def test_a_time_that_the_clock_skips_is_due_right_after_the_change() -> None:
    early = Cron("30 1 * * *", "Europe/Lisbon")
    assert early.latest(utc("2026-03-29T12:00:00")) == utc("2026-03-29T01:00:00")
    assert early.next(utc("2026-03-29T01:00:00")) == utc("2026-03-30T00:30:00")


def test_a_time_that_comes_twice_is_due_once() -> None:
    early = Cron("30 1 * * *", "Europe/Lisbon")
    first = early.next(utc("2026-10-24T12:00:00"))
    assert first == utc("2026-10-25T00:30:00")
    assert early.next(first) == utc("2026-10-26T01:30:00")
    assert early.latest(utc("2026-10-25T23:00:00")) == first


def test_never_is_never_due() -> None:
    never = Cron(NEVER, "UTC")
    assert never.latest(utc("2026-07-10T12:00:00")) is None
    assert never.next(utc("2026-07-10T12:00:00")) is None


@pytest.mark.parametrize("expression", ["", "0 1 * *", "61 * * * *", "0 0 31 2 *", "@daily", "a b c d e"])
def test_an_expression_that_cannot_be_used_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"Bad|Wrong"):
        Cron(expression, "UTC")


@pytest.mark.parametrize("zone", ["", "Europe/Atlantis", "/etc/passwd", "../UTC"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="no such time zone"):
        Cron("0 1 * * *", zone)


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.integers(0, 3 * 365 * 86400).map(lambda seconds: utc("2025-01-01T00:00:00") + timedelta(seconds=seconds)),
)
def test_no_moment_lies_between_the_latest_and_the_next(expression: str, zone: str, now: datetime) -> None:
    cron = Cron(expression, zone)
    latest, following = cron.latest(now), cron.next(now)
    assert latest is not None
    assert following is not None
    assert latest <= now < following
    assert cron.next(latest) == following
    assert cron.latest(following) == following
    assert cron.latest(following - timedelta(seconds=1)) == latest
