"""Freeing the space of replaced rows on the way, so that a pass does not double the table."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from strongroom.errors import StrongroomError
from strongroom.rotation.access import LockedError, TooMuchError

log = logging.getLogger(__name__)


class VacuumPacer:
    """Vacuums each time `rows` were replaced, on a connection of its own beside the writing; 0 rows means never.

    One vacuum runs at a time: when the next is due before it has ended, the pass waits for it. What goes wrong with one
    is logged and no reason to stop.
    """

    def __init__(self, vacuum: Callable[[], None], rows: int) -> None:
        self._vacuum, self._rows = vacuum, rows
        self._since = 0
        self._worker = ThreadPoolExecutor(1, "reencrypt-vacuum")
        self._under_way: Future[None] | None = None

    def after(self, rows: int) -> None:
        """Take note of rows that were replaced."""
        self._since += rows
        if self._rows and self._since >= self._rows:
            self._since = 0
            self._wait()
            self._under_way = self._worker.submit(self._vacuum)

    def close(self) -> None:
        """Wait for what is under way."""
        self._wait()
        self._worker.shutdown()

    def _wait(self) -> None:
        try:
            if self._under_way is not None:
                self._under_way.result()
        except (StrongroomError, LockedError, TooMuchError) as error:
            log.warning("a table was not vacuumed on the way: %s", type(error).__name__)
        self._under_way = None
