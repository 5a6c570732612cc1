"""What a process needs is asked together, briefly, and not too often."""

import asyncio
import threading

import pytest

from api.checks import SECONDS_A_PART, SECONDS_KEPT, Checks, Health, Part
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import SystemClock


class StillClock(SystemClock):
    """A clock that moves only when it is told to."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give what works the time that it takes on a busy machine."""
    monkeypatch.setattr("api.checks.SECONDS_A_PART", 20.0)


def away() -> None:
    raise CatalogUnavailableError("Away.", next_step="Start it.")


def well() -> None:
    """Answer."""


async def well_too() -> None:
    """Answer."""


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([Part("a", well, critical=True), Part("b", well_too)], Health.PASS),
        ([Part("a", well, critical=True), Part("b", away)], Health.WARN),
        ([Part("a", away, critical=True), Part("b", away)], Health.FAIL),
    ],
)
def test_only_a_critical_part_makes_the_whole_fail(parts: list[Part], whole: Health):
    assert asyncio.run(Checks(parts, SystemClock()).look()).health is whole


def test_a_part_that_hangs_has_failed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.checks.SECONDS_A_PART", 1.0)
    released = threading.Event()

    async def look():
        try:
            return await Checks([Part("a", released.wait, critical=True), Part("b", well)], SystemClock()).look()
        finally:
            released.set()

    assert asyncio.run(look()).parts == {"a": Health.FAIL, "b": Health.PASS}


def test_a_part_that_hangs_for_good_is_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.checks.SECONDS_A_PART", 0.02)
    monkeypatch.setattr("api.checks.SECONDS_KEPT", 0.0)
    released, asked = threading.Event(), []

    def hang() -> None:
        asked.append(None)
        released.wait()

    async def look_often():
        checks = Checks([Part("a", hang, critical=True)], SystemClock())
        try:
            return [(await checks.look()).health for _ in range(12)]
        finally:
            released.set()

    assert asyncio.run(look_often()) == [Health.FAIL] * 12
    assert len(asked) == 1


def test_what_was_found_is_kept_for_two_seconds():
    assert (SECONDS_A_PART, SECONDS_KEPT) == (0.5, 2.0)
    clock, asked = StillClock(), []

    async def look() -> None:
        checks = Checks([Part("a", lambda: asked.append(clock.at))], clock)
        for at in (0.0, SECONDS_KEPT - 0.1, SECONDS_KEPT):
            clock.at = at
            await asyncio.gather(checks.look(), checks.look())

    asyncio.run(look())
    assert asked == [0.0, SECONDS_KEPT]


def test_what_has_begun_stays_begun():
    clock, state = StillClock(), {"away": True}

    def ask() -> None:
        if state["away"]:
            away()

    async def begin() -> list[bool]:
        checks, seen = Checks([Part("a", ask, critical=True)], clock), []
        for is_away in (True, False, True):
            state["away"] = is_away
            clock.at += SECONDS_KEPT
            seen.append(await checks.has_begun())
        return seen

    assert asyncio.run(begin()) == [False, True, True]
