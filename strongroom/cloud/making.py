"""Making a volume or a database of a snapshot, once for each restore however often its job begins anew."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsExistsError, AwsNotFoundError
from strongroom.cloud.errors import RestoreFailedError, TargetTakenError
from strongroom.cloud.snapshots import PART_TAG, CloudSnapshot
from strongroom.jobs.context import JobContext

RESTORE_TAG = "strongroom:restore"
_LOST = {"error", "failed", "incompatible-restore", "incompatible-parameters", "incompatible-network", "storage-full"}


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a part; not `ready` while AWS works on it."""

    part: str
    id: str
    bytes: int
    ready: bool


def volume_maker(context: JobContext, client: AwsClient, snapshot: CloudSnapshot, facts: Mapping[str, Any]) -> Made:
    """Make a volume of a snapshot in the zone that the job names, or find the one that an earlier attempt made."""
    target = context.args["target"]
    tags = {RESTORE_TAG: str(context.job_id), PART_TAG: snapshot.part}
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
    volume = next(client.items(AwsCall.DESCRIBE_VOLUMES, "Volumes", Filters=filters), None)
    if volume is None:
        chosen = {"VolumeType": target["volume_type"]} if target.get("volume_type") else {}
        volume = client.call(
            AwsCall.CREATE_VOLUME,
            AvailabilityZone=target["zone"],
            SnapshotId=snapshot.id,
            # The same words make the same volume, also while a listing lags behind.
            ClientToken=hashlib.sha256(f"{context.job_id} {snapshot.part}".encode()).hexdigest(),
            TagSpecifications=[{"ResourceType": "volume", "Tags": _as_tags(tags)}],
            **chosen,
        )
    _verify_living(volume["VolumeId"], volume["State"])
    return Made(snapshot.part, volume["VolumeId"], snapshot.bytes, volume["State"] in {"available", "in-use"})


def database_maker(context: JobContext, client: AwsClient, snapshot: CloudSnapshot, facts: Mapping[str, Any]) -> Made:
    """Make an instance or cluster of a snapshot under the name that the job says; raises TargetTakenError."""
    making = _Making(context, client, snapshot, str(facts.get("engine", "")))
    ready = making.cluster() if facts.get("cluster") else making.instance()
    return Made(snapshot.part, making.name, snapshot.bytes, ready)


class _Making:
    def __init__(self, context: JobContext, client: AwsClient, snapshot: CloudSnapshot, engine: str) -> None:
        self._client = client
        self._snapshot = snapshot
        self._engine = engine
        self._target: dict[str, Any] = context.args["target"]
        self._tags = {RESTORE_TAG: str(context.job_id)}
        self.name: str = self._target["database"]

    def instance(self) -> bool:
        """Have the instance made, and say whether it is there whole."""
        found = self._find(AwsCall.DESCRIBE_DB_INSTANCES, "DBInstance", self.name)
        if found is None:
            return self._begin(
                AwsCall.RESTORE_DB_INSTANCE,
                {
                    "DBInstanceIdentifier": self.name,
                    "DBSnapshotIdentifier": self._snapshot.id,
                    "DBInstanceClass": self._target.get("instance_class"),
                    "MultiAZ": self._target.get("several_zones") or None,
                    "PubliclyAccessible": False,
                },
            )
        return self._is_whole(self.name, found, str(found["DBInstanceStatus"]))

    def cluster(self) -> bool:
        """Have the cluster made, then an instance in it where a class is named, and say whether all is there."""
        found = self._find(AwsCall.DESCRIBE_DB_CLUSTERS, "DBCluster", self.name)
        if found is None:
            self._find_member()
            given = {"DBClusterIdentifier": self.name, "SnapshotIdentifier": self._snapshot.id, "Engine": self._engine}
            return self._begin(AwsCall.RESTORE_DB_CLUSTER, given)
        if not self._is_whole(self.name, found, str(found["Status"])):
            return False
        return self._target.get("instance_class") is None or self._has_member()

    @property
    def _member(self) -> str:
        return f"{self.name}-1"

    def _find_member(self) -> bool | None:
        """Say whether the cluster's instance is there whole, None where it is not to be or is not there at all."""
        if self._target.get("instance_class") is None:
            return None
        found = self._find(AwsCall.DESCRIBE_DB_INSTANCES, "DBInstance", self._member)
        return None if found is None else self._is_whole(self._member, found, str(found["DBInstanceStatus"]))

    def _has_member(self) -> bool:
        whole = self._find_member()
        if whole is not None:
            return whole
        self._call(
            AwsCall.CREATE_DB_INSTANCE,
            {
                "DBInstanceIdentifier": self._member,
                "DBClusterIdentifier": self.name,
                "DBInstanceClass": self._target["instance_class"],
                "Engine": self._engine,
                "PubliclyAccessible": False,
            },
        )
        return False

    def _begin(self, call: AwsCall, given: dict[str, Any]) -> bool:
        groups = list(self._target.get("security_groups") or ()) or None
        self._call(call, given | {"DBSubnetGroupName": self._target.get("subnet_group"), "VpcSecurityGroupIds": groups})
        return False

    def _call(self, call: AwsCall, given: dict[str, Any]) -> None:
        said = {name: value for name, value in given.items() if value is not None}
        # Begun a moment ago and not in the listing yet, or somebody else's: the next look tells by its tag.
        with suppress(AwsExistsError):
            self._client.call(call, **said, Tags=_as_tags(self._tags))

    def _find(self, call: AwsCall, noun: str, name: str) -> dict[str, Any] | None:
        try:
            return next(self._client.items(call, f"{noun}s", **{f"{noun}Identifier": name}), None)
        except AwsNotFoundError:
            return None

    def _is_whole(self, name: str, found: dict[str, Any], status: str) -> bool:
        tags = {tag["Key"]: tag["Value"] for tag in found.get("TagList", [])}
        if tags.get(RESTORE_TAG) != self._tags[RESTORE_TAG]:
            raise TargetTakenError(
                f"{name} exists already in {self._client.region}.", next_step="Restore under another name."
            )
        _verify_living(name, status)
        return status == "available"


def _verify_living(name: str, status: str) -> None:
    if status in _LOST:
        raise RestoreFailedError(
            f"AWS says {status} of {name}, which was being made of the snapshot.",
            next_step="Delete it, see the events that AWS names, and restore again.",
        )


def _as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]
