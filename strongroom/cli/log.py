"""How much of the program's log a command shows."""

import logging

_LEVELS = (logging.ERROR, logging.INFO, logging.DEBUG)


def show_log(verbose: int) -> None:
    """Send the log to stderr: faults only, with -v what is done, with -vv every detail."""
    level = _LEVELS[min(verbose, len(_LEVELS) - 1)]
    shown = logging.StreamHandler()
    # The handler decides as well: a log file may ask a logger for more than the screen shows.
    shown.setLevel(level)
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s", handlers=[shown])
    logging.getLogger("strongroom").setLevel(level)
