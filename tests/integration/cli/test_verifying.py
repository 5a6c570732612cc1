"""`strongroom verify`, as people ask for it."""

import json
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run, events


@pytest.mark.parametrize("level", ["presence", "sample", "data"])
def test_every_region_is_checked_and_shown_in_the_status(installed: Run, backed_up: str, level: str) -> None:
    code, out, err = installed("verify", "--level", level, "--here", "--json")
    assert code == 0, err
    found = [event for event in events(out) if event["message_type"] == "summary"]
    assert [(one["passed"], one["backups"]) for one in found] == [(True, 1)] * 3
    shown = installed("status")[1]
    # One that reads everything is a look at what is there, too.
    assert ("never" in shown.split("REGION")[1]) is (level != "data")
    assert "DAMAGE" not in shown.replace("DAMAGED", "")


def test_damage_ends_with_15_and_makes_the_status_unhealthy(installed: Run, backed_up: str, tmp_path: Path) -> None:
    next((tmp_path / "regions/us-east-1").rglob("*.pk")).unlink()

    code, out, _ = installed("verify", "--region", "us-east-1", "--here")

    assert code == 15
    assert backed_up in out
    assert installed("status")[0] == 4
    assert json.loads(installed("status", "--json")[1])["regions"][1]["damaged_backups"] == 1
    assert installed("repair", "--all", "--region", "us-east-1", "--here")[0] == 0
    assert installed("verify", "--region", "us-east-1", "--here")[0] == 0
    assert installed("status")[0] == 0
