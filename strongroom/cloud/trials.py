"""Calls that change nothing and tell whether a permission is there.

EC2 and KMS say on request whether a call would be allowed (`DryRun`); what lists or reads is asked for as little as
there is; RDS is asked for things whose names are not there, or are taken.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from strongroom.aws.answers import code_of
from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import PermissionMissingError
from strongroom.cloud.ebs import EbsSnapshots, list_volumes
from strongroom.cloud.rds import SEALED, RdsSnapshots
from strongroom.cloud.snapshots import BACKUP_TAG, CloudSnapshot, SnapshotState
from strongroom.errors import StrongroomError
from strongroom.settings import EbsSourceSettings, RdsSourceSettings, SourceSettings
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings
from strongroom.sources.cloudwatch.groups import list_groups

NOBODY = "strongroom-00000000-0000-0000-0000-000000000000"
"""The name of a snapshot of no backup."""
MOST_GROUPS = 50
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WOULD_BE_DONE = {"DryRunOperation", "DryRunOperationException"}


class NothingToTryError(Exception):
    """There is nothing yet that a call could be tried on."""


@dataclass(frozen=True, slots=True)
class Place:
    """One AWS region, what is backed up, and the account and KMS key there; `at_home` where the source is."""

    client: AwsClient
    source: SourceSettings
    account: str
    key: str | None
    at_home: bool


def _asks(call: AwsCall, **parameters: Any) -> Callable[[Place], None]:
    return lambda place: _ask(place, call, parameters)


def _ask(place: Place, call: AwsCall, parameters: Mapping[str, Any]) -> None:
    place.client.call(call, **parameters)


def _volume(place: Place) -> str:
    with suppress(StrongroomError):
        if isinstance(place.source, EbsSourceSettings):
            return list_volumes(place.client, place.source)[0].name
    raise NothingToTryError


def _snapshot(place: Place) -> CloudSnapshot:
    with suppress(StrongroomError):
        for found in EbsSnapshots().find_all(place.client).values():
            if found[0].state is SnapshotState.READY:
                return found[0]
    raise NothingToTryError


def _create_snapshot(place: Place, **more: Any) -> None:
    place.client.call(AwsCall.CREATE_SNAPSHOT, VolumeId=_volume(place), DryRun=True, **more)


def _copy_snapshot(place: Place, **more: Any) -> None:
    client = place.client
    client.call(
        AwsCall.COPY_SNAPSHOT,
        SourceRegion=client.region,
        SourceSnapshotId=_snapshot(place).id,
        Encrypted=True,
        DryRun=True,
        **more,
    )


def _create_tags(place: Place) -> None:
    """Try what makes a snapshot with tags, if it may be made without."""
    make = _create_snapshot if place.at_home else _copy_snapshot
    try:
        make(place)
    except PermissionMissingError:
        raise NothingToTryError from None
    except StrongroomError as error:
        if code_of(error) not in WOULD_BE_DONE:
            raise
    make(place, TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": BACKUP_TAG, "Value": NOBODY}]}])


def _create_volume(place: Place) -> None:
    zone = f"{place.client.region}a"
    place.client.call(AwsCall.CREATE_VOLUME, AvailabilityZone=zone, SnapshotId=_snapshot(place).id, DryRun=True)


def _decrypt(place: Place) -> None:
    place.client.call(AwsCall.DECRYPT, KeyId=place.key, CiphertextBlob=_made_for(place), DryRun=True)


def _re_encrypt(place: Place) -> None:
    """Tell nothing of the other direction, which has a permission of its own: AWS names the one that it misses."""
    key = place.key
    place.client.call(
        AwsCall.RE_ENCRYPT, SourceKeyId=key, DestinationKeyId=key, CiphertextBlob=_made_for(place), DryRun=True
    )


def _made_for(place: Place) -> bytes:
    """Return a new data key, sealed, that nobody has seen and nobody keeps."""
    try:
        answer = place.client.call(AwsCall.GENERATE_SEALED_DATA_KEY, KeyId=place.key, KeySpec="AES_256")
    except StrongroomError:
        raise NothingToTryError from None
    sealed: bytes = answer["CiphertextBlob"]
    return sealed


def _database(place: Place) -> str:
    source = place.source
    if not isinstance(source, RdsSourceSettings):
        raise NothingToTryError
    return source.instance or source.cluster or NOBODY


def _look_for_database(call: AwsCall, noun: str) -> Callable[[Place], None]:
    return lambda place: _ask(place, call, {f"{noun}Identifier": _database(place)})


def _take_again(call: AwsCall, noun: str, *, cluster: bool) -> Callable[[Place], None]:
    """Ask for a snapshot under a name that is taken, which RDS refuses after it has looked at permissions."""

    def trial(place: Place) -> None:
        taken: CloudSnapshot | None = None
        with suppress(StrongroomError):
            listed = RdsSnapshots(cluster=cluster).find_all(place.client).values()
            taken = next((one for found in listed for one in found if one.part == _database(place)), None)
        if taken is None:
            raise NothingToTryError
        names = {f"{noun}SnapshotIdentifier": taken.id, f"{noun}{'' if cluster else 'Instance'}Identifier": taken.part}
        _ask(place, call, names)

    return trial


def _restore(call: AwsCall, noun: str, snapshot: str, **more: str) -> Callable[[Place], None]:
    """Ask for a database of a snapshot that is not there."""
    return lambda place: _ask(place, call, {noun: f"{_database(place)}-restored", snapshot: NOBODY} | more)


def _tag_database_snapshot(place: Place) -> None:
    arn = f"arn:aws:rds:{place.client.region}:{place.account}:snapshot:{NOBODY}"
    place.client.call(AwsCall.ADD_TAGS_TO_RESOURCE, ResourceName=arn, Tags=[{"Key": BACKUP_TAG, "Value": NOBODY}])


def _list_bucket(call: AwsCall) -> Callable[[Place], None]:
    return lambda place: _ask(place, call, {"Bucket": _bucket(place), "MaxKeys": 1, "Prefix": _prefix(place)})


def _bucket(place: Place) -> str:
    if not isinstance(place.source, S3SourceSettings):
        raise NothingToTryError
    return place.source.bucket


def _prefix(place: Place) -> str:
    if not isinstance(place.source, S3SourceSettings):
        raise NothingToTryError
    return place.source.prefix


def _read_object(call: AwsCall, *, version: bool, **more: str) -> Callable[[Place], None]:
    """Ask for the first byte, or the tags, of the first object; of one that is not there where there is none."""

    def trial(place: Place) -> None:
        found: dict[str, Any] = {"Key": f"{_prefix(place)}{NOBODY}", "VersionId": "null"}
        with suppress(StrongroomError):
            where = {"Bucket": _bucket(place), "MaxKeys": 1, "Prefix": _prefix(place)}
            listing = AwsCall.LIST_OBJECT_VERSIONS if version else AwsCall.LIST_OBJECTS
            answer = place.client.call(listing, **where)
            found |= next(iter(answer.get("Versions" if version else "Contents", [])), {})
        wanted = {"Key": found["Key"]} | ({"VersionId": found["VersionId"]} if version else {}) | more
        place.client.call(call, Bucket=_bucket(place), **wanted)

    return trial


def _search_logs(place: Place) -> None:
    """Search nothing, a millisecond of long ago, in each group, the first fifty."""
    source = place.source
    if not isinstance(source, CloudWatchLogsSourceSettings):
        raise NothingToTryError
    try:
        groups = list(islice(list_groups(place.client, source, LONG_AGO), MOST_GROUPS))
    except StrongroomError:
        groups = []
    if not groups:
        raise NothingToTryError
    for group in groups:
        place.client.call(AwsCall.FILTER_LOG_EVENTS, logGroupName=group.name, startTime=0, endTime=1, limit=1)


TRIALS: dict[str, Callable[[Place], None]] = {
    "ec2:DescribeVolumes": _asks(AwsCall.DESCRIBE_VOLUMES, MaxResults=5),
    "ec2:DescribeSnapshots": _asks(AwsCall.DESCRIBE_SNAPSHOTS, OwnerIds=["self"], MaxResults=5),
    "ec2:CreateSnapshot": _create_snapshot,
    "ec2:CopySnapshot": _copy_snapshot,
    "ec2:DeleteSnapshot": lambda p: _ask(p, AwsCall.DELETE_SNAPSHOT, {"SnapshotId": _snapshot(p).id, "DryRun": True}),
    "ec2:CreateVolume": _create_volume,
    "ec2:CreateTags": _create_tags,
    "kms:DescribeKey": lambda place: _ask(place, AwsCall.DESCRIBE_KEY, {"KeyId": place.key}),
    "kms:GenerateDataKeyWithoutPlaintext": lambda place: _ask(
        place, AwsCall.GENERATE_SEALED_DATA_KEY, {"KeyId": place.key, "KeySpec": "AES_256"}
    ),
    "kms:Decrypt": _decrypt,
    "kms:ReEncryptFrom": _re_encrypt,
    "kms:ReEncryptTo": _re_encrypt,
    "rds:DescribeDBInstances": _look_for_database(AwsCall.DESCRIBE_DB_INSTANCES, "DBInstance"),
    "rds:DescribeDBClusters": _look_for_database(AwsCall.DESCRIBE_DB_CLUSTERS, "DBCluster"),
    "rds:DescribeDBSnapshots": _asks(AwsCall.DESCRIBE_DB_SNAPSHOTS, SnapshotType="manual", MaxRecords=20),
    "rds:DescribeDBClusterSnapshots": _asks(
        AwsCall.DESCRIBE_DB_CLUSTER_SNAPSHOTS, SnapshotType="manual", MaxRecords=20
    ),
    "rds:CreateDBSnapshot": _take_again(AwsCall.CREATE_DB_SNAPSHOT, "DB", cluster=False),
    "rds:CreateDBClusterSnapshot": _take_again(AwsCall.CREATE_DB_CLUSTER_SNAPSHOT, "DBCluster", cluster=True),
    "rds:CopyDBSnapshot": _asks(
        AwsCall.COPY_DB_SNAPSHOT, SourceDBSnapshotIdentifier=NOBODY, TargetDBSnapshotIdentifier=NOBODY + SEALED
    ),
    "rds:CopyDBClusterSnapshot": _asks(
        AwsCall.COPY_DB_CLUSTER_SNAPSHOT,
        SourceDBClusterSnapshotIdentifier=NOBODY,
        TargetDBClusterSnapshotIdentifier=NOBODY + SEALED,
    ),
    "rds:DeleteDBSnapshot": _asks(AwsCall.DELETE_DB_SNAPSHOT, DBSnapshotIdentifier=NOBODY),
    "rds:DeleteDBClusterSnapshot": _asks(AwsCall.DELETE_DB_CLUSTER_SNAPSHOT, DBClusterSnapshotIdentifier=NOBODY),
    "rds:AddTagsToResource": _tag_database_snapshot,
    "rds:RestoreDBInstanceFromDBSnapshot": _restore(
        AwsCall.RESTORE_DB_INSTANCE, "DBInstanceIdentifier", "DBSnapshotIdentifier"
    ),
    "rds:RestoreDBClusterFromSnapshot": _restore(
        AwsCall.RESTORE_DB_CLUSTER, "DBClusterIdentifier", "SnapshotIdentifier", Engine="aurora-postgresql"
    ),
    "s3:ListBucket": _list_bucket(AwsCall.LIST_OBJECTS),
    "s3:ListBucketVersions": _list_bucket(AwsCall.LIST_OBJECT_VERSIONS),
    "s3:GetObject": _read_object(AwsCall.GET_OBJECT, version=False, Range="bytes=0-0"),
    "s3:GetObjectVersion": _read_object(AwsCall.GET_OBJECT_VERSION, version=True, Range="bytes=0-0"),
    "s3:GetObjectTagging": _read_object(AwsCall.GET_OBJECT_TAGGING, version=False),
    "s3:GetObjectVersionTagging": _read_object(AwsCall.GET_OBJECT_VERSION_TAGGING, version=True),
    "logs:DescribeLogGroups": _asks(AwsCall.DESCRIBE_LOG_GROUPS, limit=1),
    "logs:FilterLogEvents": _search_logs,
}
"""A trial for each permission that has one: it raises the answer of AWS, or NothingToTryError."""
