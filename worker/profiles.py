"""The usual workers of an installation."""

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.jobs.kinds import Queue
from worker.broker import CONTROL_QUEUE, PROVIDER_QUEUES


@dataclass(frozen=True, slots=True)
class Profile:
    """The queues a worker serves, most urgent first, and how many messages it works on at a time."""

    queues: tuple[str, ...]
    processes: int


PROFILES = {
    "control": Profile((CONTROL_QUEUE,), processes=1),
    "backup": Profile((Queue.BACKUP,), processes=1),
    # One process each: of those that fill pools a second one would not leave the other its rests.
    **{queue: Profile((queue,), processes=1) for queue in PROVIDER_QUEUES},
    "recovery": Profile((Queue.RESTORE, Queue.COPY, Queue.REENCRYPT, Queue.MAINTENANCE), processes=2),
}
"""Ticks apart from work, and restores apart from backups: neither ever waits for a backup of six hours.

Those of the key provider are for installations that have one.
"""


def profiles(*, provides_keys: bool) -> Mapping[str, Profile]:
    """Return the workers that an installation with, or without, a key provider needs."""
    return {name: profile for name, profile in PROFILES.items() if provides_keys or name not in PROVIDER_QUEUES}
