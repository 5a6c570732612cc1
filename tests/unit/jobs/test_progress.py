"""The pace is smooth, honest about what it does not know, and starts afresh with every phase."""

from hypothesis import given
from hypothesis import strategies as st

from strongroom.jobs.progress import HALF_LIFE_SECONDS, JobProgress, Pace, PaceMeter, as_stored


def reading(done: int, total: int | None = None) -> JobProgress:
    return JobProgress("reading", done, total)


def test_nothing_is_known_from_one_observation():
    assert PaceMeter().observe(5.0, reading(100, 1000)) == Pace(None, None)


def test_two_observations_give_speed_and_time_left():
    meter = PaceMeter()
    meter.observe(5.0, reading(100, 1000))

    assert meter.observe(7.0, reading(400, 1000)) == Pace(150, 4)


def test_without_a_total_there_is_no_time_left():
    meter = PaceMeter()
    meter.observe(0.0, reading(0))

    assert meter.observe(1.0, reading(100)) == Pace(100, None)


def test_a_standstill_has_no_time_left():
    meter = PaceMeter()
    meter.observe(0.0, reading(10, 100))

    assert meter.observe(1.0, reading(10, 100)) == Pace(0, None)


def test_more_than_the_estimated_total_leaves_no_time():
    meter = PaceMeter()
    meter.observe(0.0, reading(0, 100))

    assert meter.observe(1.0, reading(150, 100)) == Pace(150, 0)


def test_half_of_the_old_speed_is_forgotten_in_one_half_life():
    meter = PaceMeter()
    meter.observe(0.0, reading(0))
    meter.observe(1.0, reading(100))

    assert meter.observe(1.0 + HALF_LIFE_SECONDS, reading(100)).bytes_per_second == 50


def test_a_new_phase_starts_afresh():
    meter = PaceMeter()
    meter.observe(0.0, reading(0))
    meter.observe(1.0, reading(100))

    assert meter.observe(2.0, JobProgress("sealing", 5)) == Pace(None, None)


def test_a_count_that_goes_back_starts_afresh():
    meter = PaceMeter()
    meter.observe(0.0, reading(0))
    meter.observe(1.0, reading(100))

    assert meter.observe(2.0, reading(10)) == Pace(None, None)


def test_two_observations_at_one_moment_are_harmless():
    meter = PaceMeter()
    meter.observe(1.0, reading(0))

    assert meter.observe(1.0, reading(100)) == Pace(None, None)


def test_what_is_stored_has_everything_a_progress_bar_needs():
    assert as_stored(JobProgress("reading", 1, 2, 3), Pace(4, 5)) == {
        "phase": "reading",
        "done_bytes": 1,
        "total_bytes": 2,
        "files": 3,
        "rows": 0,
        "bytes_per_second": 4,
        "seconds_left": 5,
    }


@given(st.lists(st.tuples(st.floats(0.001, 1e4), st.integers(0, 2**50)), min_size=1), st.integers(0, 2**60))
def test_speed_and_time_left_are_never_negative(moves: list[tuple[float, int]], total: int):
    meter, now, done = PaceMeter(), 0.0, 0
    for seconds, count in moves:
        now, done = now + seconds, done + count
        pace = meter.observe(now, reading(done, total))

        assert (pace.bytes_per_second or 0) >= 0
        assert (pace.seconds_left or 0) >= 0
