"""Ending a worker that does not end by itself."""

import os
import signal
import time
from contextlib import suppress
from typing import Any, NoReturn

SECONDS_TO_HAND_BACK = 3.0


def end_by_force(pool: Any) -> NoReturn:
    """End the pool processes, which hand their jobs back if they can, and this process, from whichever thread."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pool.info.get("processes", ()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGTERM:
            time.sleep(SECONDS_TO_HAND_BACK)
    os._exit(os.EX_SOFTWARE)
