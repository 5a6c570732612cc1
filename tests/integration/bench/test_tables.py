"""The benchmarks start, measure every part at a tiny scale, and print their tables."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.requirement import service_is_missing

PROJECT = Path(__file__).resolve().parents[3]


def run(module: str, *options: str) -> str:
    command = [sys.executable, "-m", module, "--runs", "1", *options]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=300).stdout


def test_backups_are_measured_beside_both_peers(tmp_path: Path) -> None:
    for program in ("restic", "borg"):
        if shutil.which(program) is None:
            service_is_missing(f"{program} is not installed: run tests/install-services.")
    steps = "first backup;unchanged;1 % changed;restore of all;check of all data"

    said = run("bench.backup", "--scale", "0.001", "--settle", "0", "--dir", str(tmp_path), "--steps", steps)

    measured = {tuple(line.split(" | ")[:2]) for line in said.splitlines()}
    tools = ("restic", "borg lz4", "strongroom")
    assert {(f"| {step}", tool) for step in steps.split(";") for tool in tools} <= measured
    assert ("| first backup", "strongroom, not decoding") in measured
    assert "| unchanged, added bytes |" in said


@pytest.mark.usefixtures("postgres_server")
def test_jobs_are_measured_beside_bare_celery() -> None:
    said = run("bench.jobs", "--jobs", "5")

    assert "| bare Celery, nothing done |" in said
    assert "| API, ledger, broker, worker, ledger |" in said


@pytest.mark.usefixtures("postgres_server")
def test_reencryption_is_measured_beside_postgresql_itself() -> None:
    said = run("bench.reencrypt", "--rows", "2000", "--seconds", "0.2", "--parts", "gcm,growth")

    assert "| AES-256-GCM to AES-256-GCM, 1 worker |" in said
    assert "| growth of the table |" in said
