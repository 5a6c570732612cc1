"""A worker that kills itself at a step: `killable_worker.py FOLDER NUMBER STEP`; with no step it works until killed."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from strongroom.jobs.context import JobContext
from strongroom.jobs.runner import run_job
from strongroom.rotation.campaigns import open_jobs_of
from strongroom.rotation.converting import BatchConverter
from strongroom.rotation.postgres import PostgresTable
from strongroom.rotation.recording import Recorder
from strongroom.rotation.running import run_range
from tests.integration.rotation.site import Site

SECOND = 2


def die() -> None:
    """Leave no trace."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], *, after: bool = False, at: int = SECOND) -> Callable[..., Any]:
    """Return the function, which kills the process when it is called so often, before or after it has done its work."""
    calls = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and not after:
            die()
        answer = function(*args, **kwargs)
        if calls == at:
            die()
        return answer

    return wrapped


PLACES: dict[str, tuple[type, str, bool, int]] = {
    "read": (PostgresTable, "read", False, SECOND),
    "convert": (BatchConverter, "convert", False, SECOND),
    "start": (PostgresTable, "start", True, SECOND),
    "finish": (PostgresTable, "finish", True, SECOND),
    "settle": (Recorder, "settle", False, SECOND),
    "record": (Recorder, "flush", False, 1),
    "recorded": (Recorder, "flush", True, 1),
    "census": (PostgresTable, "count_versions", True, 1),
    "end": (JobContext, "step", False, 1),
    "ended": (JobContext, "step", True, 1),
}
"""Steps: the method, whether to die after it has done its work, and at which call."""


def arm(step: str) -> None:
    """Have the process die at a step."""
    kind, name, after, at = PLACES[step]
    setattr(kind, name, dying(getattr(kind, name), after=after, at=at))


def main() -> None:
    folder, number, step = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    site = Site.opened(folder)
    if step:
        arm(step)
    print("ready", flush=True)
    sys.stdin.readline()
    handler = partial(run_range, site.services)
    while left := open_jobs_of(site.services, number):
        run_job(site.services.ledger, left[0], handler, owner="killable")


if __name__ == "__main__":
    main()
