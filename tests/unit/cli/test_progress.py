"""Progress as a line, and as JSON."""

import io
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from strongroom.catalog.jobs import Job, JobState
from strongroom.cli.bar import COLUMNS, BarView
from strongroom.cli.progress import JsonView, LineView, describe_progress
from strongroom.cli.screen import Screen

HALF = {
    "phase": "writing",
    "done_bytes": 1 << 30,
    "total_bytes": 2 << 30,
    "files": 1200,
    "bytes_per_second": 100 << 20,
    "seconds_left": 90,
}


class StillClock:
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def job_with(progress: dict[str, Any] | None, state: JobState = JobState.RUNNING) -> Job:
    return Job(id=uuid.UUID(int=7), kind="backup.run", state=state, attempt=1, progress=progress)


def test_progress_says_how_far_how_fast_and_how_long_still() -> None:
    text = describe_progress(job_with(HALF))
    assert text == "writing, 1.0 GiB of 2.0 GiB (50 %), 1,200 files, 100.0 MiB/s, 1 min 30 s left"


def test_progress_without_a_known_total_says_what_is_done() -> None:
    assert (
        describe_progress(job_with({"phase": "dumping", "done_bytes": 2048, "total_bytes": None})) == "dumping, 2.0 KiB"
    )


def test_progress_in_rows_says_rows() -> None:
    progress = {"phase": "re-encrypting (keyset)", "done_bytes": 0, "total_bytes": None, "files": 0, "rows": 1200}
    assert describe_progress(job_with(progress)) == "re-encrypting (keyset), 1,200 rows"


def test_progress_never_passes_a_hundred_per_cent() -> None:
    assert "(100 %)" in describe_progress(job_with(HALF | {"done_bytes": 5 << 30}))


def test_a_waiting_job_shows_its_state() -> None:
    assert describe_progress(job_with(None, JobState.QUEUED)) == "queued"


def test_a_line_is_printed_once_a_minute_and_at_every_change_of_phase(capsys: pytest.CaptureFixture[str]) -> None:
    clock = StillClock()
    view = LineView(Screen(), clock)
    for _ in range(130):
        view.show(job_with(HALF))
        clock.sleep(1)
    view.show(job_with(HALF | {"phase": "sealing"}))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert "sealing" in lines[-1]


def test_a_bar_moves_and_says_the_rest_in_words() -> None:
    stream = io.StringIO()
    with Progress(*COLUMNS, console=Console(file=stream, force_terminal=True, width=200)) as bar:
        BarView(bar, describe_progress).show(job_with(HALF))
    assert "1.0 GiB of 2.0 GiB (50 %)" in stream.getvalue()


def test_json_progress_is_a_line_for_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    view = JsonView(Screen(json=True))
    view.show(job_with(HALF))
    view.show(job_with(HALF))
    view.show(job_with(HALF | {"done_bytes": 3}))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["done_bytes"] for line in lines] == [1 << 30, 3]
    assert {line["message_type"] for line in lines} == {"status"}
    assert lines[0]["job"] == str(uuid.UUID(int=7))
