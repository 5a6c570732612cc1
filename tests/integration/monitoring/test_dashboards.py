"""The dashboards for Grafana: what they ask Prometheus can be asked, and they are built so that Grafana shows them."""

import json
from pathlib import Path

import pytest

from tests.services.monitoring import DASHBOARDS, check, dashboard, dashboard_expressions

COLUMNS = 24
each_dashboard = pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)


def test_there_is_one_for_each_thing_to_watch():
    assert [file.stem for file in DASHBOARDS] == ["backups", "jobs", "key-sync", "overview"]


@each_dashboard
def test_promtool_parses_every_expression(file, tmp_path: Path):
    expressions = dashboard_expressions(file)
    asked = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    rules = tmp_path / "rules.json"
    # JSON is YAML too.
    rules.write_text(json.dumps({"groups": [{"name": file.stem, "rules": asked}]}), encoding="utf-8")

    done = check("promtool", "check", "rules", rules)

    assert done.returncode == 0, done.stderr
    assert f"{len(expressions)} rules found" in done.stdout
    assert not [expr for expr in expressions if "$" in expr]


@each_dashboard
def test_panels_have_a_title_a_source_of_data_and_a_place_of_their_own(file):
    panels = dashboard(file)["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["title"]
        assert panel["type"] == "row" or panel["targets"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", []))

    assert len({panel["id"] for panel in panels}) == len(panels)


def test_dashboards_have_ids_of_their_own():
    boards = [dashboard(file) for file in DASHBOARDS]

    assert len({board["uid"] for board in boards}) == len(boards)
    assert all("strongroom" in board["tags"] for board in boards)
