"""`strongroom drill`, as people ask for it."""

import json
import re
from pathlib import Path

from tests.integration.cli.conftest import Run, events


def spoil(region: Path) -> None:
    for path in region.rglob("*.pk"):
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def test_a_drill_is_held_listed_shown_and_exported(installed: Run, backed_up: str, tmp_path: Path) -> None:
    code, out, err = installed("drill", "run", "uploads", "--here", "--json")
    assert code == 0, err
    summary = events(out)[-1]
    assert (summary["message_type"], summary["state"], summary["backup_id"]) == ("summary", "passed", backed_up)

    assert "passed" in installed("drill", "list", "--source", "uploads")[1]
    assert json.loads(installed("drill", "list", "--state", "failed", "--json")[1])["items"] == []
    shown = installed("drill", "show", summary["id"])[1]
    assert "PASSED" in shown
    assert "2 files equal to their digests" in shown
    assert installed("drill", "show", summary["id"], "--evidence", "drill.json")[0] == 0
    evidence = json.loads((tmp_path / "drill.json").read_text())
    assert (evidence["format"], evidence["backup"], evidence["passed"]) == ("strongroom-drill-1", backed_up, True)

    code, out, _ = installed("status")
    assert code == 0
    assert re.search(r"passed \d+ s ago", out)
    assert "of 2 d" in out


def test_the_schedules_say_when_drills_are_held(installed: Run, tmp_path: Path) -> None:
    rows = [line.split() for line in installed("schedules", "list", "--next", "2")[1].splitlines() if "drill" in line]
    assert len(rows) == 2
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write('[sources.uploads.drill]\ncron = "30 4 * * *"\ntime_zone = "Europe/Lisbon"\n')
    (source,) = json.loads(installed("schedules", "list", "--next", "3", "--json")[1])["items"]
    assert (source["drill"]["cron"], source["drill"]["enabled"], len(source["drill"]["next"])) == (
        "30 4 * * *",
        True,
        3,
    )
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write("enabled = false\n")
    assert "switched off" in installed("schedules", "list")[1]


def test_a_backup_that_does_not_restore_ends_with_15_and_the_status_with_4(
    installed: Run, backed_up: str, tmp_path: Path
) -> None:
    spoil(tmp_path / "regions/us-east-1")

    code, out, _ = installed("drill", "run", "uploads", "--region", "us-east-1", "--here")

    assert code == 15
    assert "FAILED" in out
    assert backed_up in out
    assert installed("status")[0] == 4


def test_what_cannot_be_drilled_is_said(installed: Run) -> None:
    code, _, err = installed("drill", "run", "uploads", "--here")
    assert (code, "strongroom backup run uploads" in err) == (10, True)
    assert installed("drill", "run", "nothing")[0] == 10
    assert installed("drill", "show", "no-id")[0] == 2


def test_an_unusable_directory_is_said(installed: Run, backed_up: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write('\n[drills]\ndirectory = "file/below"\n')

    code, _, err = installed("drill", "run", "uploads", "--here")

    assert (code, "drills.place" in err) == (13, True)
