"""While a job runs, Python looks for reference cycles seldom, and as before afterwards."""

import gc

import pytest

from strongroom.cycles import RARE, rare_cycle_searches


def test_searches_are_rare_inside_and_as_before_outside() -> None:
    before = gc.get_threshold()
    with rare_cycle_searches():
        assert gc.get_threshold() == RARE
    assert gc.get_threshold() == before


def test_a_job_that_fails_leaves_things_as_they_were() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="failed"), rare_cycle_searches():
        raise ValueError("failed")
    assert gc.get_threshold() == before


def test_what_was_there_before_is_not_searched_inside_and_is_afterwards() -> None:
    with rare_cycle_searches():
        inside = gc.get_freeze_count()
        with rare_cycle_searches():
            pass
        assert gc.get_freeze_count() >= inside > 0
    assert gc.get_freeze_count() == 0
