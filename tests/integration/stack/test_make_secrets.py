"""`docker/make-secrets`: each secret once, and never another in the place of one that is used."""

import subprocess
from pathlib import Path

from tests.policy.project import ROOT


def make(directory: Path) -> "subprocess.CompletedProcess[str]":
    """Run the script as an operator does."""
    return subprocess.run([ROOT / "docker" / "make-secrets", directory], check=True, capture_output=True, text=True)


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    assert make(tmp_path).stderr == ""
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert before["postgres_password"] in before["catalog_url"]
    again = make(tmp_path)
    assert (again.stdout, again.stderr) == ("", "")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_password_that_is_made_beside_an_address_is_warned_of(tmp_path: Path) -> None:
    make(tmp_path)
    address = (tmp_path / "broker_url").read_text()
    (tmp_path / "redis_password").unlink()
    again = make(tmp_path)
    assert "warning" in again.stderr
    assert "redis_password" in again.stderr
    assert "postgres_password" not in again.stderr
    assert (tmp_path / "broker_url").read_text() == address
    assert address not in again.stderr
