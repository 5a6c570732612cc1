"""Short, seeded rounds of the trials in storm.py; `make reencrypt-storm` runs the long ones."""

from tests.integration.rotation.storm import kill, race

STEPS = ("start", "finish", "recorded", "end", "ended", 0.05)


def test_no_write_is_lost_and_no_row_is_left_behind_while_others_write(postgres_site, database):
    counts = race(postgres_site, database, rows=1_500, hot=200, seconds=3.0, seed=7)

    assert counts["passes"] > 1
    assert counts["writes"] > 100


def test_a_worker_killed_at_any_step_misses_no_row_and_writes_none_twice(postgres_site, database):
    counts = kill(postgres_site, database, rows=1_500, kills=STEPS)

    assert counts["killed"] >= len(STEPS) - 1
