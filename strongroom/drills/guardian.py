"""The process that stands by a drill: when the drill's process dies, it removes what that has left.

It is given a directory and watches its standard input, which the drill holds open: one byte means that all was removed
in order, the end without it that nobody else will.
"""

import signal
import sys
from pathlib import Path

from strongroom.clock import SystemClock
from strongroom.drills.clearing import remove_place

IN_ORDER = b"\0"


def main() -> None:
    """Wait for the drill's process, and clear up after it if it was killed."""
    for interrupt in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(interrupt, signal.SIG_IGN)
    if sys.stdin.buffer.read(1) != IN_ORDER:
        remove_place(Path(sys.argv[1]), SystemClock())
