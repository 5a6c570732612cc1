"""The kinds of work, and the queue and urgency each has."""

from dataclasses import dataclass
from enum import StrEnum


class Queue(StrEnum):
    """Where a job waits; long work never stands before short work because each kind has its own."""

    RESTORE = "restore"
    BACKUP = "backup"
    COPY = "copy"
    REENCRYPT = "reencrypt"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Route:
    """A queue and a priority in it; the lower number goes first."""

    queue: Queue
    priority: int


class JobKind(StrEnum):
    """What a job does; the value is also the name of the task that carries it."""

    BACKUP_RUN = "backup.run"
    RESTORE_RUN = "restore.run"
    RESTORE_PLAN = "restore.plan"
    VERIFICATION_RUN = "verification.run"
    REGION_VERIFICATION = "verification.region"
    REPLICATION_COPY = "replication.copy"
    COLLECTION_RUN = "collection.run"
    RETENTION_RUN = "retention.run"
    RETENTION_LOCK = "retention.lock"
    REPAIR_RUN = "repair.run"
    ROTATION_RUN = "rotation.run"
    EXTENSION_RUN = "extension.run"
    REENCRYPTION_RANGE = "reencryption.range"
    DRILL_RUN = "drill.run"
    QUEUE_PROBE = "queue.probe"

    @property
    def route(self) -> Route:
        """Return where a job of this kind waits."""
        return ROUTES[self]


ROUTES = {
    JobKind.RESTORE_RUN: Route(Queue.RESTORE, 0),
    JobKind.RESTORE_PLAN: Route(Queue.RESTORE, 0),
    JobKind.BACKUP_RUN: Route(Queue.BACKUP, 3),
    JobKind.REPLICATION_COPY: Route(Queue.COPY, 6),
    JobKind.VERIFICATION_RUN: Route(Queue.MAINTENANCE, 8),
    JobKind.REGION_VERIFICATION: Route(Queue.MAINTENANCE, 9),
    JobKind.COLLECTION_RUN: Route(Queue.MAINTENANCE, 9),
    JobKind.RETENTION_RUN: Route(Queue.MAINTENANCE, 8),
    JobKind.RETENTION_LOCK: Route(Queue.MAINTENANCE, 8),
    JobKind.REPAIR_RUN: Route(Queue.MAINTENANCE, 4),
    JobKind.ROTATION_RUN: Route(Queue.MAINTENANCE, 7),
    JobKind.EXTENSION_RUN: Route(Queue.MAINTENANCE, 7),
    JobKind.REENCRYPTION_RANGE: Route(Queue.REENCRYPT, 7),
    JobKind.DRILL_RUN: Route(Queue.MAINTENANCE, 9),
    # A probe goes into the queue it is about; it takes milliseconds, so it may pass whatever is not a restore.
    JobKind.QUEUE_PROBE: Route(Queue.MAINTENANCE, 1),
}
