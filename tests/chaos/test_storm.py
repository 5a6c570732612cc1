"""A short storm: nothing is lost, nothing happens twice, and buckets, catalog and restored copies agree."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import say, show
from tests.chaos.brokers import BrokerKind
from tests.chaos.storm import Plan, storm


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "broker"), [(7, BrokerKind.VALKEY), (8, BrokerKind.RABBITMQ)])
def test_a_short_storm_is_weathered(run_directory: Path, seed: int, broker: BrokerKind) -> None:
    directory = run_directory / f"storm-{seed}"
    directory.mkdir(mode=0o711)
    report = storm(directory, Plan(seed, jobs=60, faults=25, seconds=35, broker=broker), say)
    show(report)
    assert report.passed
