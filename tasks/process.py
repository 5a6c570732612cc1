"""What the tasks of one pool process work with; set when the process starts."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from strongroom.jobs.outbox import Publish
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class Process:
    """The services of a pool process, its way to the broker, and the name under which it holds leases.

    `queues` are those its worker serves: from them it takes what is more urgent than the job a message names.
    `stopping` says whether the worker is about to end.
    """

    services: Services
    publish: Publish
    owner: str
    queues: AbstractSet[str]
    stopping: Callable[[], bool]


_current: Process | None = None


def start(process: Process) -> None:
    """Make this the process that tasks run in."""
    global _current
    _current = process


def stop() -> None:
    """Close what the process opened."""
    global _current
    if _current is not None:
        _current.services.catalog.close()
    _current = None


def current() -> Process:
    """Return the process that tasks run in."""
    if _current is None:
        raise RuntimeError("This process did not start as a worker: its log says why.")
    return _current
