"""The dashboards for Grafana: what they ask Prometheus can be asked, and they are built so that Grafana shows them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.services.monitoring import DASHBOARDS, check, dashboard, dashboard_expressions

COLUMNS = 24
SUMMED = re.compile(r"\b(?:sum|count)(?: by \([^)]*\))? ?\((?:rate\(|increase\()?(strongroom_(?!http_|\w+_bucket)\w+)")
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


def lost(given: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Yield the places of what Grafana's own types did not keep."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from lost(value, kept[name], f"{place}/{name}") if name in kept else [f"{place}/{name}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (value, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(value, other, f"{place}/{number}")
    elif given != kept:
        yield place


def through_grafana(board: dict[str, Any]) -> Any:
    """Return a dashboard as Grafana's own types read and write it."""
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(board)))


@each_dashboard
def test_grafana_knows_every_field_and_every_option_of_a_panel(file):
    assert list(lost(dashboard(file), through_grafana(dashboard(file)))) == []


@pytest.mark.parametrize("place", [(), ("time",), ("panels", 1), ("panels", 1, "options"), ("panels", 1, "targets", 0)])
def test_a_field_that_grafana_does_not_know_is_found(place):
    board = dashboard(DASHBOARDS[0])
    within: Any = board
    for step in place:
        within = within[step]
    within["refersh"] = "1m"

    assert list(lost(board, through_grafana(board))) == ["/".join(["", *map(str, place), "refersh"])]


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


@each_dashboard
def test_nothing_is_summed_that_every_process_of_the_api_says_alike(file):
    # Two processes would show twice as much; only requests and buckets of histograms add up, or do not matter.
    assert [found for expr in dashboard_expressions(file) for found in SUMMED.findall(expr)] == []
