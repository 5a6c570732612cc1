"""Snapshots of RDS instances and clusters. They have names, so that asking twice for one makes no second."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsExistsError, AwsNotFoundError
from strongroom.cloud.snapshots import CloudSnapshot, Label, Origin, SnapshotState, parse_backup, read_tags, taken_at

GIB = 1 << 30
PREFIX = "strongroom-"
SEALED = "-sealed"
"""Ends the name of the encrypted copy, in the same region, of a snapshot that is not encrypted."""

_FAILED = {"failed", "incompatible-restore", "incompatible-parameters"}


@dataclass(frozen=True, slots=True)
class _Words:
    """How RDS calls the same things for instances and for clusters."""

    noun: str
    describe: AwsCall
    create: AwsCall
    copy: AwsCall
    delete: AwsCall
    owner: str
    encrypted: str

    @property
    def id(self) -> str:
        return f"{self.noun}Identifier"


_INSTANCE = _Words(
    "DBSnapshot",
    AwsCall.DESCRIBE_DB_SNAPSHOTS,
    AwsCall.CREATE_DB_SNAPSHOT,
    AwsCall.COPY_DB_SNAPSHOT,
    AwsCall.DELETE_DB_SNAPSHOT,
    "DBInstanceIdentifier",
    "Encrypted",
)
_CLUSTER = _Words(
    "DBClusterSnapshot",
    AwsCall.DESCRIBE_DB_CLUSTER_SNAPSHOTS,
    AwsCall.CREATE_DB_CLUSTER_SNAPSHOT,
    AwsCall.COPY_DB_CLUSTER_SNAPSHOT,
    AwsCall.DELETE_DB_CLUSTER_SNAPSHOT,
    "DBClusterIdentifier",
    "StorageEncrypted",
)


class RdsSnapshots:
    """Manual snapshots, named after their backup in every region."""

    def __init__(self, *, cluster: bool) -> None:
        self._words = _CLUSTER if cluster else _INSTANCE

    def find(self, client: AwsClient, backup_id: uuid.UUID) -> Sequence[CloudSnapshot]:
        found = []
        for name in (name_of(backup_id), name_of(backup_id) + SEALED):
            with suppress(AwsNotFoundError):
                found.extend(self._described(client, {self._words.id: name}))
        return found

    def find_all(self, client: AwsClient) -> dict[uuid.UUID, list[CloudSnapshot]]:
        found: dict[uuid.UUID, list[CloudSnapshot]] = {}
        for snapshot in self._described(client, {"SnapshotType": "manual"}):
            name = snapshot.id.removesuffix(SEALED)
            if name.startswith(PREFIX) and (backup_id := parse_backup(name.removeprefix(PREFIX))):
                found.setdefault(backup_id, []).append(snapshot)
        return found

    def take(self, client: AwsClient, label: Label) -> None:
        named = {self._words.id: name_of(label.backup_id), self._words.owner: label.part}
        with suppress(AwsExistsError):
            client.call(self._words.create, **named, Tags=label.tags())

    def copy(self, client: AwsClient, origin: Origin, key: str, label: Label) -> None:
        here = origin.region == client.region
        words, name = self._words, name_of(label.backup_id)
        # In its own region the copy needs a name besides that of the snapshot it is made of.
        target = name + SEALED if here and origin.snapshot.id == name else name
        route = {} if here else {"SourceRegion": origin.region}
        with suppress(AwsExistsError):
            client.call(
                words.copy,
                **{f"Source{words.id}": origin.snapshot.reference, f"Target{words.id}": target},
                **route,
                KmsKeyId=key,
                CopyTags=False,
                Tags=label.tags(taken_at=origin.snapshot.taken_at),
            )

    def delete(self, client: AwsClient, snapshot: CloudSnapshot) -> None:
        with suppress(AwsNotFoundError):
            client.call(self._words.delete, **{self._words.id: snapshot.id})

    def newest_automated(self, client: AwsClient, database: str) -> CloudSnapshot | None:
        """Return the newest whole snapshot that RDS took by itself of a database, if there is one."""
        found = self._described(client, {self._words.owner: database, "SnapshotType": "automated"})
        whole = [snapshot for snapshot in found if snapshot.state is SnapshotState.READY]
        return max(whole, key=lambda snapshot: snapshot.taken_at, default=None)

    def _described(self, client: AwsClient, asked: dict[str, str]) -> list[CloudSnapshot]:
        answers = client.items(self._words.describe, f"{self._words.noun}s", **asked)
        # One that is about to begin, or to vanish, has no time yet.
        return [self._snapshot(answer) for answer in answers if answer.get("SnapshotCreateTime") is not None]

    def _snapshot(self, answer: dict[str, Any]) -> CloudSnapshot:
        words, status = self._words, answer.get("Status", "")
        ready, tags = status == "available", read_tags(answer.get("TagList"))
        return CloudSnapshot(
            id=answer[words.id],
            reference=answer[f"{words.noun}Arn"],
            part=answer[words.owner],
            state=_state(status),
            encrypted=bool(answer.get(words.encrypted)),
            key=answer.get("KmsKeyId"),
            bytes=int(answer.get("AllocatedStorage", 0)) * GIB,
            percent=100 if ready else int(answer.get("PercentProgress", 0)),
            taken_at=taken_at(tags, answer.get("OriginalSnapshotCreateTime") or answer["SnapshotCreateTime"]),
            words="" if ready else f"status {status}",
            tags=tags,
            engine=answer.get("Engine", ""),
        )


def name_of(backup_id: uuid.UUID) -> str:
    """Return the name of a backup's snapshot, the same in every region."""
    return f"{PREFIX}{backup_id}"


def _state(status: str) -> SnapshotState:
    if status == "available":
        return SnapshotState.READY
    return SnapshotState.FAILED if status in _FAILED else SnapshotState.PENDING
