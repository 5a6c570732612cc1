"""A forecast stands upon the pace of the drills, and small drills do not frighten."""

import pytest

from strongroom.levels.forecasting import LEAST_BYTES, Measured, forecast_seconds

GIB = 1 << 30


def test_without_a_drill_there_is_no_forecast() -> None:
    assert forecast_seconds([], GIB) is None


def test_what_grows_takes_longer_but_the_start_of_a_server_does_not() -> None:
    drill = Measured(GIB, fixed_seconds=5, restoring_seconds=60)

    assert forecast_seconds([drill], GIB) == pytest.approx(65)
    assert forecast_seconds([drill], 3 * GIB) == pytest.approx(185)


def test_one_slow_drill_does_not_decide() -> None:
    drills = [Measured(GIB, 5, 60), Measured(GIB, 5, 600), Measured(GIB, 5, 62)]

    assert forecast_seconds(drills, GIB) == pytest.approx(67)


def test_a_tiny_drill_does_not_say_what_a_byte_costs() -> None:
    tiny = Measured(20_000, fixed_seconds=1, restoring_seconds=0.5)

    assert forecast_seconds([tiny], 20_000) == pytest.approx(1.5)
    assert forecast_seconds([tiny], LEAST_BYTES * 16) == pytest.approx(9)
