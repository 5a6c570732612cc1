"""A short storm: nothing is lost, nothing happens twice, and buckets, catalog and restored copies agree."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import say, show
from tests.chaos.storm import Plan, storm


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_storm_is_weathered(run_directory: Path) -> None:
    directory = run_directory / "storm"
    directory.mkdir()
    report = storm(directory, Plan(seed=7, jobs=60, faults=25, seconds=35), say)
    show(report)
    assert report.passed
