"""One copy of a service for all xdist workers of a run."""

import fcntl
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.services.processes import ServiceStartError
from tests.services.s3 import S3Region


def regions_started_once(directory: Path, start: Callable[[], Iterable[S3Region]]) -> dict[str, S3Region]:
    """Start regions in the first worker that asks for `directory`, and give them to everybody, by name.

    A start that failed is not tried again: the others get the same ServiceStartError at once. Nobody stops the regions
    but the guard of the run, since any worker may still need them.
    """
    state = directory.with_suffix(".json")
    with _locked(directory.with_suffix(".lock")):
        if not state.exists():
            state.write_text(json.dumps(_outcome(start)))
    outcome = json.loads(state.read_text())
    if "failure" in outcome:
        raise ServiceStartError(outcome["failure"])
    return {facts["name"]: S3Region(**facts) for facts in outcome["regions"]}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _outcome(start: Callable[[], Iterable[S3Region]]) -> dict[str, Any]:
    try:
        return {"regions": [asdict(region) for region in start()]}
    except ServiceStartError as error:
        return {"failure": str(error)}
