"""A directory of logs through every command that shows, compares, checks or restores it."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run, events

LOGS = '\n[sources.web]\nkind = "logs"\npath = "logs"\ninclude = ["*.log*"]\n'


@pytest.fixture
def logged(installed: Run, tmp_path: Path) -> Run:
    """An installation with a source of logs."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_bytes(os.urandom(2_000_000))
    (tmp_path / "logs" / "web.pid").write_text("17")
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(LOGS)
    return installed


def back_up(run: Run) -> tuple[str, int]:
    """Back the logs up and return the backup's id, and how many bytes were stored."""
    code, out, err = run("backup", "run", "web", "--here", "--json")
    assert code == 0, err
    backup = str(events(out)[-1]["id"])
    return backup, int(json.loads(run("backup", "show", backup, "--json")[1])["stored_bytes"])


def test_logs_are_rotated_compressed_and_restored(logged: Run, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    first, all_of_it = back_up(logged)
    with (logs / "web.log").open("ab") as file:
        file.write(b"one line more\n")
    (logs / "web.log").rename(logs / "web.log.1")
    (logs / "web.log").write_text("a first line\n")
    (logs / "old.log.gz").write_bytes(gzip.compress(b"old lines\n"))
    second, added = back_up(logged)

    assert all_of_it > 2_000_000
    assert added < 5000
    assert logged("backup", "ls", second)[1].split() == ["old.log.gz", "web.log", "web.log.1"]
    assert logged("diff", first, second)[1].split() == ["U", "/", "+", "old.log.gz", "M", "web.log", "+", "web.log.1"]
    assert logged("backup", "verify", second, "--level", "data", "--here")[0] == 0
    assert logged("restore", "plan", second, "--target", "back")[0] == 0
    code, _, err = logged("restore", "run", second, "--target", "back", "--here")
    assert code == 0, err
    for name in ("old.log.gz", "web.log", "web.log.1"):
        assert (tmp_path / "back" / name).read_bytes() == (logs / name).read_bytes()


def test_logs_are_listed_with_their_hourly_schedule(logged: Run) -> None:
    assert logged("config", "check")[0] == 0
    listed = logged("sources", "list")[1].splitlines()
    assert any(line.split()[:2] == ["web", "logs"] and "operational-data" in line for line in listed)
    schedules = json.loads(logged("schedules", "list", "--json")[1])["items"]
    assert next(one for one in schedules if one["source"] == "web")["crons"]["incremental"] == "0 * * * *"
    assert "web" in logged("status")[1]
