"""The usual workers of an installation."""

from dataclasses import dataclass

from strongroom.jobs.kinds import Queue
from worker.broker import CONTROL_QUEUE


@dataclass(frozen=True, slots=True)
class Profile:
    """The queues a worker serves, most urgent first, and how many messages it works on at a time."""

    queues: tuple[str, ...]
    processes: int


PROFILES = {
    "control": Profile((CONTROL_QUEUE,), processes=1),
    "backup": Profile((Queue.BACKUP,), processes=1),
    "recovery": Profile((Queue.RESTORE, Queue.COPY, Queue.REENCRYPT, Queue.MAINTENANCE), processes=2),
}
"""Ticks apart from work, and restores apart from backups: neither ever waits for a backup of six hours."""
