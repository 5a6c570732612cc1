"""Figures as people read them."""

from datetime import UTC, datetime

import pytest

from strongroom.cli.figures import count, duration, moment, size


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (3 << 60, "3072.0 PiB")],
)
def test_sizes_are_in_iec_units(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min"), (90000, "1 d 1 h")],
)
def test_durations_show_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_moment_is_local_and_carries_its_offset() -> None:
    when = datetime(2026, 11, 21, 3, 12, 5, 999, tzinfo=UTC)
    assert datetime.fromisoformat(moment(when)) == when.replace(microsecond=0)
    assert moment(when)[-6] in "+-"


def test_no_moment_is_a_dash() -> None:
    assert moment(None) == "-"


@pytest.mark.parametrize(("number", "text"), [(0, "0 entries"), (1, "1 entry"), (1234, "1,234 entries")])
def test_counted_things_have_their_plural(number: int, text: str) -> None:
    assert count(number, "entry", "entries") == text
