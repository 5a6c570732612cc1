"""What a snapshot is, whichever service keeps it, and what a service can do with one."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from strongroom.aws.client import AwsClient

BACKUP_TAG = "strongroom:backup"
SOURCE_TAG = "strongroom:source"
POLICY_TAG = "strongroom:policy"
PART_TAG = "strongroom:part"
PARTS_TAG = "strongroom:parts"
"""How many parts the backup has: snapshots that are found again tell by it whether they are all."""
REPOSITORY_TAG = "strongroom:repository"
"""Whose snapshots these are, where several installations share an account."""
TAKEN_TAG = "strongroom:taken"
"""Of a copy, whose own time says when it was copied: the moment whose state it holds."""


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
    parts: int
    repository: uuid.UUID

    def tags(self, *, taken_at: datetime | None = None) -> list[dict[str, str]]:
        """Return the tags as AWS takes them; `taken_at` is that of the snapshot that a copy is made of."""
        tags = {
            "Name": f"strongroom {self.source}",
            BACKUP_TAG: str(self.backup_id),
            SOURCE_TAG: self.source,
            POLICY_TAG: self.policy,
            PART_TAG: self.part,
            PARTS_TAG: str(self.parts),
            REPOSITORY_TAG: str(self.repository),
        }
        if taken_at is not None:
            tags[TAKEN_TAG] = taken_at.isoformat()
        return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """One snapshot in one region; `reference` names it from elsewhere, `percent` and `words` are as AWS has them.

    `engine` is that of a database.
    """

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
    tags: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""


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


def read_tags(listed: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Return tags, as AWS lists them, by key."""
    return {tag["Key"]: tag["Value"] for tag in listed or ()}


def taken_at(tags: Mapping[str, str], begun_at: datetime) -> datetime:
    """Return the moment whose state a snapshot holds: that of a copy is in its tags, else it is when it was begun."""
    try:
        moment = datetime.fromisoformat(tags.get(TAKEN_TAG, ""))
    except ValueError:
        return begun_at
    return moment if moment.tzinfo else begun_at


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
