"""One copy of a service for all xdist workers of a run."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.processes import ServiceStartError

Facts = dict[str, str]
FAILURE = "failure"


@contextmanager
def locked(path: Path, *, exclusive: bool = True) -> Iterator[None]:
    """Hold a lock between processes; it is given up with the process, however that ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield


def started_once(directory: Path, start: Callable[[], Facts]) -> Facts:
    """Start a service in the first worker that asks, and give its facts to everybody.

    A start that failed is not tried again: the others get the same ServiceStartError at once. Nobody stops the service
    but the guard of the run, since any worker may still need it.
    """
    ready = directory.with_suffix(".json")
    with locked(directory.with_suffix(".lock")):
        if not ready.exists():
            ready.write_text(json.dumps(_facts_or_failure(start)))
    facts: Facts = json.loads(ready.read_text())
    if FAILURE in facts:
        raise ServiceStartError(facts[FAILURE])
    return facts


def _facts_or_failure(start: Callable[[], Facts]) -> Facts:
    try:
        return start()
    except ServiceStartError as error:
        return {FAILURE: str(error)}
