"""Snapshots of EBS volumes, by EC2."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsNotFoundError
from strongroom.cloud.errors import NothingToSnapshotError
from strongroom.cloud.snapshots import (
    BACKUP_TAG,
    PART_TAG,
    CloudSnapshot,
    Label,
    Origin,
    Part,
    SnapshotState,
    parse_backup,
    read_tags,
    taken_at,
)
from strongroom.settings import EbsSourceSettings

GIB = 1 << 30
_STATES = {"completed": SnapshotState.READY, "error": SnapshotState.FAILED, "recoverable": SnapshotState.FAILED}
_LIVING = ("creating", "available", "in-use")


def list_volumes(client: AwsClient, source: EbsSourceSettings) -> list[Part]:
    """Return the source's volumes as they are now, in the order of their ids; raises NothingToSnapshotError."""
    if source.volume is not None:
        found = list(client.items(AwsCall.DESCRIBE_VOLUMES, "Volumes", VolumeIds=[source.volume]))
    else:
        key, _, value = (source.tag or "").partition("=")
        by_tag = {"Name": f"tag:{key}", "Values": [_literally(value)]}
        living = {"Name": "status", "Values": list(_LIVING)}
        found = list(client.items(AwsCall.DESCRIBE_VOLUMES, "Volumes", Filters=[by_tag, living]))
    if not found:
        raise NothingToSnapshotError(
            f"There are no {source.place} in {client.region}.",
            next_step="Tag the volumes, or correct tag and region of the source.",
        )
    return sorted((Part(volume["VolumeId"], volume["Size"] * GIB) for volume in found), key=lambda part: part.name)


def _literally(value: str) -> str:
    """Write a value so that a filter of EC2 takes its wildcards literally."""
    return "".join(f"\\{char}" if char in "*?\\" else char for char in value)


class EbsSnapshots:
    """Snapshots as EC2 keeps them; the tags tell a backup and its volume, also of a copy, which knows no volume."""

    def find(self, client: AwsClient, backup_id: uuid.UUID) -> Sequence[CloudSnapshot]:
        tagged = {"Name": f"tag:{BACKUP_TAG}", "Values": [str(backup_id)]}
        found = client.items(AwsCall.DESCRIBE_SNAPSHOTS, "Snapshots", OwnerIds=["self"], Filters=[tagged])
        return [_snapshot(answer) for answer in found]

    def find_all(self, client: AwsClient) -> dict[uuid.UUID, list[CloudSnapshot]]:
        tagged = {"Name": "tag-key", "Values": [BACKUP_TAG]}
        found: dict[uuid.UUID, list[CloudSnapshot]] = {}
        for answer in client.items(AwsCall.DESCRIBE_SNAPSHOTS, "Snapshots", OwnerIds=["self"], Filters=[tagged]):
            if backup_id := parse_backup(read_tags(answer.get("Tags")).get(BACKUP_TAG, "")):
                found.setdefault(backup_id, []).append(_snapshot(answer))
        return found

    def take(self, client: AwsClient, label: Label) -> None:
        client.call(
            AwsCall.CREATE_SNAPSHOT,
            VolumeId=label.part,
            Description=_description(label),
            TagSpecifications=_specification(label.tags()),
        )

    def copy(self, client: AwsClient, origin: Origin, key: str, label: Label) -> None:
        client.call(
            AwsCall.COPY_SNAPSHOT,
            SourceRegion=origin.region,
            SourceSnapshotId=origin.snapshot.id,
            Encrypted=True,
            KmsKeyId=key,
            Description=_description(label),
            TagSpecifications=_specification(label.tags(taken_at=origin.snapshot.taken_at)),
        )

    def delete(self, client: AwsClient, snapshot: CloudSnapshot) -> None:
        with suppress(AwsNotFoundError):
            client.call(AwsCall.DELETE_SNAPSHOT, SnapshotId=snapshot.id)


def _description(label: Label) -> str:
    return f"strongroom backup {label.backup_id} of {label.source}, {label.part}"


def _specification(tags: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"ResourceType": "snapshot", "Tags": tags}]


def _snapshot(answer: dict[str, Any]) -> CloudSnapshot:
    tags = read_tags(answer.get("Tags"))
    progress = str(answer.get("Progress") or "0%").rstrip("%")
    return CloudSnapshot(
        id=answer["SnapshotId"],
        reference=answer["SnapshotId"],
        part=tags.get(PART_TAG, answer.get("VolumeId", "")),
        state=_STATES.get(answer["State"], SnapshotState.PENDING),
        encrypted=bool(answer.get("Encrypted")),
        key=answer.get("KmsKeyId"),
        bytes=answer.get("VolumeSize", 0) * GIB,
        percent=int(progress) if progress.isdigit() else 0,
        taken_at=taken_at(tags, answer["StartTime"]),
        words=answer.get("StateMessage", ""),
        tags=tags,
    )
