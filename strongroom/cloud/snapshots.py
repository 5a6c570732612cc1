"""What a snapshot is, whichever service keeps it, and what a service can do with one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from strongroom.aws.client import AwsClient

BACKUP_TAG = "strongroom:backup"
SOURCE_TAG = "strongroom:source"
POLICY_TAG = "strongroom:policy"
PART_TAG = "strongroom:part"


class SnapshotState(StrEnum):
    """Where a snapshot or a copy of one stands."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a source consists of: a volume by its id, a database by its name; bytes as AWS tells them."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Label:
    """What a snapshot says of itself, so that it is found again whatever crashed."""

    backup_id: uuid.UUID
    source: str
    policy: str
    part: str

    def tags(self) -> list[dict[str, str]]:
        """Return the tags as AWS takes them."""
        tags = {
            "Name": f"strongroom {self.source}",
            BACKUP_TAG: str(self.backup_id),
            SOURCE_TAG: self.source,
            POLICY_TAG: self.policy,
            PART_TAG: self.part,
        }
        return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """One snapshot in one region; `reference` names it from elsewhere, `percent` and `words` are as AWS has them."""

    id: str
    reference: str
    part: str
    state: SnapshotState
    encrypted: bool
    key: str | None
    bytes: int
    percent: int
    taken_at: datetime
    words: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """A snapshot to copy, and the AWS region it is in."""

    region: str
    snapshot: CloudSnapshot


def parse_backup(text: str) -> uuid.UUID | None:
    """Return the backup that a tag or name says, or None where it is not one of ours."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class SnapshotService(Protocol):
    """What EC2 and RDS have in common. Every method raises the errors of strongroom.aws.errors."""

    def find(self, client: AwsClient, backup_id: uuid.UUID) -> Sequence[CloudSnapshot]:
        """Return all snapshots of a backup in the client's region, whatever state they are in."""

    def find_all(self, client: AwsClient) -> dict[uuid.UUID, list[CloudSnapshot]]:
        """Return the snapshots of every backup in the client's region, by backup."""

    def take(self, client: AwsClient, label: Label) -> None:
        """Begin a snapshot of a part."""

    def copy(self, client: AwsClient, origin: Origin, key: str, label: Label) -> None:
        """Begin a copy in the client's region, encrypted under a KMS key of that region."""

    def delete(self, client: AwsClient, snapshot: CloudSnapshot) -> None:
        """Delete a snapshot; one that is gone already is no error."""
