"""Freeing the space of replaced rows on the way, so that a pass does not double the table."""

import logging
from collections.abc import Callable

from strongroom.errors import StrongroomError
from strongroom.rotation.access import LockedError, TooMuchError

log = logging.getLogger(__name__)


class VacuumPacer:
    """Vacuums each time `rows` were replaced, of which other ranges have `replaced` some already; 0 rows means never.

    The pass waits for it: rows that are replaced meanwhile would find no free space, and the table would grow by them.
    What goes wrong with a vacuum is logged and no reason to stop.
    """

    def __init__(self, vacuum: Callable[[], None], rows: int, replaced: int = 0) -> None:
        self._vacuum, self._rows = vacuum, rows
        self._since = replaced % rows if rows else 0

    def after(self, rows: int) -> None:
        """Take note of rows that were replaced, and vacuum if that is due."""
        self._since += rows
        if not self._rows or self._since < self._rows:
            return
        self._since = 0
        try:
            self._vacuum()
        except (StrongroomError, LockedError, TooMuchError) as error:
            log.warning("a table was not vacuumed on the way: %s", type(error).__name__)
