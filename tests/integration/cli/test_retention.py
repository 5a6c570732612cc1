"""`strongroom retention` and `holds`, as people ask for them."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.catalog.backups import Backup
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from tests.integration.cli.conftest import Run, events


def rewrite(tmp_path: Path, more: str) -> None:
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(more)


def items(run: Run, *words: str) -> list[dict[str, Any]]:
    code, out, err = run(*words, "--json")
    assert code in {0, 4}, err
    found: list[dict[str, Any]] = json.loads(out)["items"]
    return found


@pytest.fixture
def aged(installed: Run, tmp_path: Path) -> list[str]:
    """Three full backups, oldest first, 200, 100 and no days old; the policy keeps 90 days."""
    made = []
    for _ in range(3):
        code, out, err = installed("backup", "run", "uploads", "--type", "full", "--here", "--json")
        assert code == 0, err
        made.append(str(events(out)[-1]["id"]))
    runtime = build_runtime(load_settings(tmp_path / "strongroom.toml", {}))
    try:
        with runtime.services().catalog.begin() as session:
            for backup_id, days in zip(made, (200, 100), strict=False):
                backup = session.scalars(select(Backup).where(Backup.id == uuid.UUID(backup_id))).one()
                backup.created_at -= timedelta(days=days)
    finally:
        runtime.close()
    return made


def test_the_plan_says_why_and_what_is_applied_needs_a_word_for_more_than_usual_and_leaves_a_receipt(
    installed: Run, aged: list[str], tmp_path: Path
) -> None:
    code, out, _ = installed("retention", "plan", "--all")
    # Two of three are more than a run may delete.
    assert code == 4
    assert "within the days of its policy" in out
    assert out.count("more of its source would be deleted than a run may") == 2
    (planned,) = items(installed, "retention", "plan", "--source", "uploads")
    assert [one["backup"] for one in planned["backups"]] == [aged[1], aged[0]]
    assert installed("retention", "plan", "--source", "nothing")[0] == 10

    assert installed("retention", "apply", "--dry-run", "--here")[0] == 0
    assert installed("retention", "apply", "--max-share", "80%", "--here")[0] == 2
    code, _, err = installed("retention", "apply", "--source", "uploads", "--max-share", "80%", "--here")
    assert (code, "--confirm uploads" in err) == (13, True)
    assert len(items(installed, "backup", "list", "--state", "committed")) == 3

    words = ("--source", "uploads", "--max-share", "80%", "--confirm", "uploads", "--here")
    code, out, err = installed("retention", "apply", *words)

    assert (code, "3 backups looked at, 2 expired." in out) == (0, True), err
    assert [one["id"] for one in items(installed, "backup", "list", "--state", "committed")] == [aged[2]]
    code, _, err = installed("retention", "receipt", aged[0])
    assert (code, "The receipt's signature holds." in err) == (0, True)
    assert {one["backup"] for one in items(installed, "retention", "list")} == {aged[0], aged[1]}
    assert "keys destroyed" in installed("retention", "log", "--source", "uploads")[1]
    assert installed("retention", "receipt", aged[2])[0] == 10
    assert installed("restore", "run", aged[0], "--target", str(tmp_path / "back"), "--here")[0] != 0
    assert installed("restore", "run", aged[2], "--target", str(tmp_path / "back"), "--here")[0] == 0


def test_a_hold_is_placed_listed_and_released(installed: Run, aged: list[str]) -> None:
    assert installed("holds", "add", aged[0], "--reason", "x")[0] == 2
    assert installed("holds", "add", str(uuid.uuid4()), "--reason", "case 4711")[0] == 10
    assert installed("holds", "add", "--reason", "case 4711")[0] == 2
    assert installed("holds", "add", "--source", "nothing", "--reason", "case 4711")[0] == 10
    for target in (aged[0], "latest:uploads"):
        assert installed("holds", "add", target, "--reason", "case 4711")[0] == 0
    assert installed("holds", "add", "--source", "uploads", "--reason", "audit", "--until", "2001-01-01")[0] == 2
    assert "case 4711" in installed("holds", "list")[1]

    # One is held, so that only one goes, which is never more than usual.
    assert "1 expired" in installed("retention", "apply", "--here")[1]
    assert installed("holds", "add", aged[1], "--reason", "too late")[0] == 11
    assert installed("backup", "retire", aged[0], "--confirm", "uploads")[0] == 13

    hold = next(one["id"] for one in items(installed, "holds", "list") if one["backup_id"] == aged[0])
    assert installed("holds", "release", hold, "--reason", "closed")[0] == 13
    assert installed("holds", "release", aged[0], "--reason", "closed", "--confirm", "uploads")[0] == 10
    assert installed("holds", "release", hold, "--reason", "closed", "--confirm", "uploads")[0] == 0
    assert len(items(installed, "holds", "list", "--all")) == 2
    assert "1 expired" in installed("retention", "apply", "--here")[1]


def test_a_shorter_policy_is_blocked_however_it_is_written_until_it_is_approved(
    installed: Run, aged: list[str], tmp_path: Path
) -> None:
    rewrite(tmp_path, "[policies.operational-data]\nretention_days = 365\n")
    assert "0 expired" in installed("retention", "apply", "--here")[1]
    settings = tmp_path / "strongroom.toml"
    text = settings.read_text()
    moved = text.replace('path = "uploads"\n', 'path = "uploads"\npolicy = "short"\n')
    for shorter in (
        text.replace("retention_days = 365", "retention_days = 150"),
        # The table is gone: what is built in keeps 90 days.
        text.replace("[policies.operational-data]\nretention_days = 365\n", ""),
        moved + "[policies.short]\nretention_days = 150\n",
    ):
        settings.write_text(shorter)
        code, _, err = installed("retention", "plan")
        assert (code, "retention approve uploads --confirm uploads" in err) == (4, True), err
        assert "0 expired" in installed("retention", "apply", "--here")[1]
    settings.write_text(text.replace("retention_days = 365", "retention_days = 150"))
    assert installed("retention", "approve", "uploads")[0] == 13
    assert installed("retention", "approve", "uploads", "--confirm", "uploads")[0] == 0
    assert "1 expired" in installed("retention", "apply", "--here")[1]


def test_a_policy_that_keeps_nothing_or_is_unknown_is_refused_with_the_settings(installed: Run, tmp_path: Path) -> None:
    settings = tmp_path / "strongroom.toml"
    text = settings.read_text()
    settings.write_text(text + "[policies.none]\nretention_days = 0\n")
    code, _, err = installed("retention", "plan")
    assert (code, "would delete every backup" in err) == (2, True), err
    settings.write_text(text + 'policy = "nowhere"\n')
    code, _, err = installed("config", "check")
    assert (code, "nowhere" in err) == (2, True), err
