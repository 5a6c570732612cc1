"""How the progress of a job is shown: a bar on a terminal, a line a minute otherwise, JSON lines with `--json`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from strongroom.catalog.jobs import Job, JobState
from strongroom.cli.figures import count, duration, size
from strongroom.cli.screen import Screen
from strongroom.clock import Clock

SECONDS_BETWEEN_LINES = 60.0


class ProgressView(Protocol):
    """Something that shows where a job stands; called again and again with the newest row."""

    def show(self, job: Job) -> None:
        """Show the job as it is now."""


@contextmanager
def progress_view(screen: Screen, clock: Clock) -> Iterator[ProgressView]:
    """Open the view that fits the screen, and clean it away when the block ends."""
    if screen.json:
        yield JsonView(screen)
    elif screen.interactive:
        # Only here: drawing takes a library that takes longer to import than many a command to run.
        from strongroom.cli.bar import drawn_bar

        with drawn_bar(describe_progress) as bar:
            yield bar
    else:
        yield LineView(screen, clock)


class JsonView:
    """Prints a `status` line whenever something changed."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._shown: dict[str, Any] = {}

    def show(self, job: Job) -> None:
        """Print the job's state and progress, unless they are those of the line before."""
        status = {"job": str(job.id), "state": job.state.value, "attempt": job.attempt, **(job.progress or {})}
        if status != self._shown:
            self._screen.event("status", **status)
            self._shown = status


class LineView:
    """Prints a line when the state or the phase changed, and once a minute in between."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._shown: tuple[str, str] | None = None
        self._shown_at = 0.0

    def show(self, job: Job) -> None:
        """Print the job's progress if it is time to."""
        stage = (job.state.value, _phase(job))
        now = self._clock.monotonic()
        if stage != self._shown or now - self._shown_at >= SECONDS_BETWEEN_LINES:
            self._screen.say(f"{job.kind} {job.id}: {describe_progress(job)}")
            self._shown, self._shown_at = stage, now


def describe_progress(job: Job) -> str:
    """Return one line that says what the job is doing, how fast and for how long still."""
    progress = job.progress
    if job.state is not JobState.RUNNING or not progress:
        return job.state.value
    parts = [progress["phase"]]
    for unit in ("rows", "files"):
        if progress.get(unit):
            parts.append(count(progress[unit], unit.removesuffix("s")))
    if not progress.get("rows"):
        parts.insert(1, _amount(progress))
    if progress.get("bytes_per_second"):
        parts.append(f"{size(progress['bytes_per_second'])}/s")
    if progress.get("seconds_left") is not None:
        parts.append(f"{duration(progress['seconds_left'])} left")
    return ", ".join(parts)


def _amount(progress: dict[str, Any]) -> str:
    done, total = progress.get("done_bytes", 0), progress.get("total_bytes")
    return f"{size(done)} of {size(total)} ({min(100, 100 * done // total)} %)" if total else size(done)


def _phase(job: Job) -> str:
    return str((job.progress or {}).get("phase", ""))
