"""Counting requests stays within its bounds, and is one count over several processes."""

import os
import subprocess
import sys
from pathlib import Path

from strongroom.metrics.definitions import HTTP_REQUESTS
from strongroom.metrics.requests import MOST_SERIES, OTHER, RequestCounts, shared_counts

COUNT_ONE = """
from strongroom.metrics.requests import RequestCounts
RequestCounts().note("/v1/status", "GET", 200, 0.01)
"""


def counted(registry) -> dict[tuple[str, str, str], float]:
    samples = [
        sample for family in registry.collect() for sample in family.samples if sample.name == HTTP_REQUESTS.name
    ]
    return {(one.labels["route"], one.labels["method"], one.labels["code"]): one.value for one in samples}


def test_routes_methods_and_codes_are_counted_apart():
    counts = RequestCounts()
    for code in (200, 200, 404):
        counts.note("/v1/status", "GET", code, 0.01)

    assert counted(counts.registry) == {("/v1/status", "GET", "200"): 2, ("/v1/status", "GET", "404"): 1}


def test_what_would_be_too_many_series_is_counted_together():
    counts = RequestCounts()
    for number in range(MOST_SERIES + 5):
        counts.note(f"/route-{number}", "GET", 503, 0.01)
    found = counted(counts.registry)

    assert len(found) == MOST_SERIES + 1
    assert found[OTHER, OTHER, "5xx"] == 5


def test_processes_that_share_a_directory_are_counted_together(tmp_path: Path):
    shared = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNT_ONE], env=shared, check=True)

    found = counted(shared_counts(str(tmp_path), RequestCounts()))
    assert found == {("/v1/status", "GET", "200"): 2}
