"""Commands send spans where an endpoint is set, in the trace of what they ask for; a collector costs nothing else."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run, events
from tests.services.collector import Collector, collecting
from tests.services.ports import ReservedPort


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector whose address is in the environment."""
    with collecting() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.endpoint)
        yield running


def test_a_backup_and_a_restore_in_a_terminal_are_traces_from_the_command_to_the_catalog(
    installed: Run, collector: Collector, tmp_path: Path
):
    code, out, err = installed("backup", "run", "uploads", "--here", "--json")
    assert code == 0, err
    backup = str(events(out)[-1]["id"])
    trace_id = json.loads(installed("jobs", "show", backup, "--json")[1])["trace_id"]
    assert installed("restore", "run", backup, "--target", str(tmp_path / "back"), "--here")[0] == 0

    spans = collector.of(trace_id)
    (command,) = [span for span in spans if span.name == "strongroom backup run"]
    jobs = {span.name: span for span in spans if span.name.startswith("job ")}
    assert jobs.keys() == {"job backup.run", "job replication.copy"}
    assert {span.parent_id for span in jobs.values()} == {command.span_id}
    assert (command.parent_id, command.service, command.failed) == ("", "command", False)
    statements = [span for span in spans if "db.query.text" in span.attributes]
    assert jobs["job backup.run"].span_id in {span.parent_id for span in statements}

    restores = [span for span in collector.spans if span.name in ("strongroom restore run", "job restore.run")]
    assert len(restores) == 2
    assert len({span.trace_id for span in restores} - {trace_id}) == 1
    assert b"letter.txt" not in bytes(collector.raw)


def test_a_command_and_what_it_asked_for_are_one_story(installed: Run, backed_up: str):
    trace_id = json.loads(installed("jobs", "show", backed_up, "--json")[1])["trace_id"]
    told = json.loads(installed("trace", trace_id, "--json")[1])["events"]

    (asked,) = [event for event in told if event["kind"] == "request"]
    (row,) = [event for event in told if event["kind"] == "audit" and "cli: backup run" in event["what"]]
    assert asked["what"].startswith(f"a request of {row['about']['actor']} asked for")


def test_a_command_that_fails_says_so_in_its_span(installed: Run, collector: Collector):
    assert installed("backup", "show", "0" * 32)[0] != 0

    (command,) = [span for span in collector.spans if span.name.startswith("strongroom ")]
    assert command.failed


def test_a_collector_that_is_away_costs_spans_and_nothing_else(installed: Run, monkeypatch: pytest.MonkeyPatch):
    port = ReservedPort()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port.number}")

    code, out, err = installed("jobs", "list", "--json")

    assert (code, err) == (0, "")
    assert out
    port.release()


def test_a_collector_that_hangs_does_not_keep_a_command(
    installed: Run, monkeypatch: pytest.MonkeyPatch, black_hole: str
):
    monkeypatch.setattr("strongroom.spans.starting.SECONDS_FOR_THE_LAST", 0.2)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", black_hole)

    assert installed("jobs", "list")[::2] == (0, "")


def test_without_the_extra_a_command_does_its_work_all_the_same(
    installed: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "strongroom.spans.otlp", None)

    code, out, _ = installed("jobs", "list", "-v")

    assert code == 0
    assert out
    assert "Install `strongroom[otel]`" in caplog.text


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
