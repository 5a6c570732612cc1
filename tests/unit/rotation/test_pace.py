"""Waiting while the database is hard pressed, and keeping to a rate."""

from datetime import UTC, datetime

import pytest

from strongroom.rotation.access import Strain
from strongroom.rotation.pace import Brake, Pace


class HandClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Stopped(BaseException):
    """What a check raises when the job is to stop."""


def brake(pace, clock, strains=(), checks=None):
    left, noted = list(strains), [] if checks is None else checks
    return Brake(pace, clock, lambda: left.pop(0) if left else Strain(), lambda: noted.append(clock.at))


def test_a_rate_is_kept_over_many_batches():
    clock = HandClock()
    one = brake(Pace(max_rows=1000), clock)

    for _ in range(50):
        one.after(500)

    assert clock.at == pytest.approx(25, abs=1.1)


def test_time_that_was_lost_is_not_made_up_for():
    clock = HandClock()
    one = brake(Pace(max_rows=1000), clock)
    clock.sleep(600)

    for _ in range(10):
        one.after(1000)

    assert clock.at >= 600 + 9


def test_without_a_limit_nothing_is_waited_for():
    clock = HandClock()
    brake(Pace(), clock).after(1_000_000)

    assert clock.at == 0


@pytest.mark.parametrize("strain", [Strain(lag_seconds=2.0), Strain(lock_waits=6)])
def test_it_waits_within_one_batch_while_the_database_is_pressed_and_goes_on_by_itself(strain):
    clock, checks = HandClock(), []
    one = brake(Pace(), clock, [strain] * 5, checks)

    one.after(1)

    assert clock.at == pytest.approx(1.0)
    assert len(checks) == 5


def test_while_others_use_the_database_most_of_the_time_is_left_to_them():
    clock = HandClock()
    one = brake(Pace(batch_size=500, commit_every=1000), clock, [Strain(others=2)] * 100)
    assert (one.batch_size, one.commit_every) == (500, 1000)
    one.after(1000)
    assert (one.batch_size, one.commit_every) == (200, 5)

    begun = clock.at
    for _ in range(10):
        clock.sleep(0.01)
        one.after(5)

    assert clock.at - begun == pytest.approx(0.5)


def test_a_rate_is_kept_in_few_steps_while_others_use_the_database():
    one = brake(Pace(max_rows=500), HandClock(), [Strain(others=2)] * 100)
    one.after(1000)

    assert one.commit_every == 62


def test_full_speed_comes_back_when_the_others_are_gone():
    clock = HandClock()
    one = brake(Pace(), clock, [Strain(others=1), Strain()])
    one.after(1000)
    clock.sleep(1.0)
    one.after(5)

    assert (one.yielding, one.commit_every) == (False, 1000)


def test_who_does_not_yield_goes_at_full_speed_whoever_else_is_there():
    clock = HandClock()
    one = brake(Pace(yields=False), clock, [Strain(others=9)])
    one.after(1000)

    assert (one.yielding, clock.at) == (False, 0)


def test_a_wait_ends_when_the_job_is_to_stop():
    clock = HandClock()

    def stop() -> None:
        raise Stopped

    pressed = Brake(Pace(), clock, lambda: Strain(lag_seconds=99), stop)
    with pytest.raises(Stopped):
        pressed.after(1)
    slow = Brake(Pace(max_rows=1), clock, Strain, stop)
    with pytest.raises(Stopped):
        slow.after(100)


def test_a_pace_survives_being_stored():
    pace = Pace(batch_size=7, max_rows=3, max_lag_seconds=0.5)

    assert Pace.of(pace.as_stored()) == pace
