"""The demo shows what it says it shows, and leaves nothing behind."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def shared_directory() -> Iterator[Path]:
    """A directory for temporary files that the account of the database server can pass through."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.mark.slow
def test_the_demo_loses_a_region_and_gets_everything_back(shared_directory: Path):
    environment = os.environ | {
        "TMPDIR": str(shared_directory),
        "STRONGROOM_FLOWER_PASSWORD": "of another installation",
    }

    run = subprocess.run(
        [sys.executable, "-m", "stack.demo"], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "Everything came back as it was." in run.stdout
    assert "us-east-1" in run.stdout
    assert list(shared_directory.iterdir()) == []
