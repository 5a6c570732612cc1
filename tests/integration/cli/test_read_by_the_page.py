"""What the command stored is read by a reader that knows the page of the format and nothing of Strongroom."""

import os
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run
from tests.unit.format.by_the_page import Reader, Unwrap, with_key_file, with_recovery_key

LOGS = '\n[sources.shop-logs]\nkind = "logs"\npath = "logs"\n'


def objects(region: Path) -> dict[str, bytes]:
    return {path.relative_to(region).as_posix(): path.read_bytes() for path in region.rglob("*") if path.is_file()}


def contents(region: Path, name: str, unwrap: Unwrap) -> dict[str, list[dict[bytes, bytes]]]:
    """Return the files of each backup, source by source, the oldest first."""
    reader, found = Reader(objects(region), name, unwrap), dict[str, list[dict[bytes, bytes]]]()
    for source, backup in reader.backups():
        steps = reader.restore(source, backup)
        found.setdefault(source, []).append({entry[0]: content for step, entry, content in steps if step == "item"})
    return found


@pytest.fixture
def expected(installed: Run, tmp_path: Path) -> dict[str, list[dict[bytes, bytes]]]:
    """A tree and a log that grows, each backed up twice, and a recovery kit."""
    (tmp_path / "logs").mkdir()
    log, letter = tmp_path / "logs/app.log", tmp_path / "uploads/letter.txt"
    log.write_bytes(os.urandom(400_000))
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(LOGS)
    assert installed("recovery-kit", "kit.txt", "--here")[0] == 0
    states: dict[str, list[dict[bytes, bytes]]] = {"uploads": [], "shop-logs": []}
    for _ in range(2):
        for source, folder in (("uploads", tmp_path / "uploads"), ("shop-logs", tmp_path / "logs")):
            code, _out, err = installed("backup", "run", source, "--here")
            assert code == 0, err
            states[source].append({path.name.encode(): path.read_bytes() for path in folder.iterdir()})
        letter.write_text("Dear reader, once more")
        with log.open("ab") as file:
            file.write(os.urandom(150_000))
    return states


def test_with_the_key_file_and_with_the_paper(expected: dict[str, list[dict[bytes, bytes]]], tmp_path: Path) -> None:
    region = tmp_path / "regions" / "us-east-1"
    paper = next(line for line in (tmp_path / "kit.txt").read_text().splitlines() if line.startswith("SRK1-"))
    key_file = (tmp_path / "strongroom.keys").read_text()

    assert contents(region, "us-east-1", with_key_file(key_file, "us-east-1")) == expected
    assert contents(region, "_recovery", with_recovery_key(paper)) == expected
