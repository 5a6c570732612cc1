"""How much of the program's log a command shows."""

import logging

from strongroom.logs.handler import is_log_started
from strongroom.logs.redaction import redact

_LEVELS = (logging.ERROR, logging.INFO, logging.DEBUG)


class _CommandLines(logging.Formatter):
    """Short lines for whoever typed the command, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def show_log(verbose: int) -> None:
    """Send the log to stderr: faults only, with -v what is done, with -vv every detail.

    A process that writes a log of its own goes on as it does.
    """
    if is_log_started():
        return
    level = _LEVELS[min(verbose, len(_LEVELS) - 1)]
    shown = logging.StreamHandler()
    # The handler decides as well: a log file may ask a logger for more than the screen shows.
    shown.setLevel(level)
    shown.setFormatter(_CommandLines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[shown])
    logging.getLogger("strongroom").setLevel(level)
    # A collector that is away is no fault of the command, nor is anything lost that the command is about.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR if verbose else logging.CRITICAL)
