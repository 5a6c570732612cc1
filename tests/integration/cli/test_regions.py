"""Where backups are kept, and whether those places can be relied on."""

import json
import shutil
from pathlib import Path

from tests.integration.cli.conftest import Run


def test_the_regions_are_listed_home_first(installed: Run) -> None:
    code, out, _ = installed("regions", "list", "--json")
    assert code == 0
    assert next((item["name"], item["home"]) for item in json.loads(out)["items"]) == ("eu-west-1", True)
    assert "regions/us-east-1" in installed("regions", "list")[1]


def test_regions_that_do_what_they_should_are_safe(installed: Run, tmp_path: Path) -> None:
    code, out, _ = installed("regions", "check", "--json")
    assert code == 0
    found = json.loads(out)["items"]
    assert [(item["safe"], item["create_if_absent"], item["lock"]) for item in found] == [(True, True, "off")] * 3
    assert not list((tmp_path / "regions").rglob("probe/*"))


def test_a_region_that_is_away_is_not_safe(installed: Run, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "regions/us-east-1")
    code, out, err = installed("regions", "check")
    assert code == 4
    assert "NOT SAFE" in out
    assert "us-east-1" in err
    assert installed("regions", "check", "eu-west-1")[0] == 0


def test_a_region_nobody_configured_is_said(installed: Run) -> None:
    code, _, err = installed("regions", "check", "eu-west-2")
    assert code == 10
    assert "eu-west-1" in err
