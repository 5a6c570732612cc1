"""The bar that shows on a terminal how far a job is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from strongroom.catalog.jobs import Job

COLUMNS = (BarColumn(bar_width=30), TextColumn("{task.description}"))


@contextmanager
def drawn_bar(describe: Callable[[Job], str]) -> Iterator["BarView"]:
    """Draw a bar to standard error until the block ends."""
    with Progress(*COLUMNS, console=Console(stderr=True), transient=True) as bar:
        yield BarView(bar, describe)


class BarView:
    """Draws a bar that moves; without a known total it pulses."""

    def __init__(self, bar: Progress, describe: Callable[[Job], str]) -> None:
        self._bar = bar
        self._describe = describe
        self._task: TaskID = bar.add_task("", total=None)

    def show(self, job: Job) -> None:
        """Move the bar."""
        progress = job.progress or {}
        self._bar.update(
            self._task,
            description=self._describe(job),
            completed=progress.get("done_bytes", 0),
            total=progress.get("total_bytes"),
        )
