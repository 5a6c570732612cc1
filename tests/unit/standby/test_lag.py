"""How old a standby is, told from where the primary was."""

from datetime import UTC, datetime, timedelta

from strongroom.standby.lag import MOST_SAMPLES, Sample, lag_seconds, with_sample
from strongroom.standby.views import Observation, PrimaryView, StandbyView

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def seen(
    position: int, replayed: int, *, replayed_at: datetime | None = None, caught: float | None = None
) -> Observation:
    primary = PrimaryView(7, NOW, sees_all=True, position=position, timeline=1, slot=None)
    standby = StandbyView(7, True, True, True, 1, None, replayed, replayed, replayed_at, paused=False)
    return Observation(NOW, primary, standby, caught_up_seconds=caught)


def test_a_standby_that_has_everything_is_as_old_as_the_wait_for_it() -> None:
    assert lag_seconds([], seen(100, 100)) == 0
    assert lag_seconds([Sample(50, ago(900))], seen(100, 100, caught=0.3)) == 0.3


def test_the_last_sample_reached_bounds_the_age() -> None:
    samples = [Sample(10, ago(90)), Sample(20, ago(60)), Sample(90, ago(30))]
    assert lag_seconds(samples, seen(100, 25)) == 60


def test_a_primary_that_was_quiet_for_an_hour_makes_no_hour_of_lag() -> None:
    assert lag_seconds([Sample(10, ago(30))], seen(100, 10, replayed_at=ago(3600))) == 30


def test_the_last_transaction_bounds_the_age_where_no_sample_was_reached() -> None:
    assert lag_seconds([Sample(50, ago(600))], seen(100, 10, replayed_at=ago(700))) == 700
    assert lag_seconds([], seen(100, 10, replayed_at=ago(5))) == 5


def test_what_has_not_even_reached_the_oldest_sample_is_at_least_as_old() -> None:
    assert lag_seconds([Sample(50, ago(600)), Sample(60, ago(300))], seen(100, 10)) == 600
    assert lag_seconds([], seen(100, 10)) is None


def test_only_samples_that_matter_are_kept() -> None:
    samples = [Sample(10, ago(90)), Sample(20, ago(60)), Sample(90, ago(30))]
    assert with_sample(samples, seen(100, 25)) == [*samples[1:], Sample(100, NOW)]


def test_a_standby_that_is_behind_for_days_keeps_its_oldest_sample() -> None:
    samples: list[Sample] = []
    for tick in range(1000):
        samples = with_sample([*samples], seen(100 + tick, 100))
        assert len(samples) <= MOST_SAMPLES
    assert samples[0].position == 100
    assert samples[-1].position == 1099


def test_samples_of_a_primary_that_was_restored_to_an_earlier_place_are_dropped() -> None:
    assert with_sample([Sample(500, ago(60))], seen(100, 100)) == [Sample(100, NOW)]
