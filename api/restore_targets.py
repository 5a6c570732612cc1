"""Where a restore goes, as a request says it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from api.bodies import Body, Name
from strongroom.backup.cloud_targets import RdsTargetRequest, VolumeTargetRequest
from strongroom.backup.targets import (
    BucketTargetRequest,
    FilesTargetRequest,
    LogGroupTargetRequest,
    PostgresTargetRequest,
    TargetRequest,
)


class FilesTargetBody(Body):
    """Restore into a directory of the machine that the worker runs on."""

    kind: Literal["files"]
    path: Path

    def as_request(self) -> TargetRequest:
        """Return the target as the use case takes it."""
        return FilesTargetRequest(self.path)


class PostgresTargetBody(Body):
    """Restore into a database on the server of the source called `server`."""

    kind: Literal["postgres"]
    server: Name
    dbname: Name

    def as_request(self) -> TargetRequest:
        """Return the target as the use case takes it."""
        return PostgresTargetRequest(self.server, self.dbname)


class BucketTargetBody(Body):
    """Restore below a prefix of a bucket; as whom, the source of that bucket says, or else the one called `source`."""

    kind: Literal["s3"]
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    prefix: Annotated[str, Field(max_length=900)] = ""
    source: Name

    def as_request(self) -> TargetRequest:
        """Return the target as the use case takes it."""
        return BucketTargetRequest(self.bucket, self.prefix, self.source)


class LogGroupTargetBody(Body):
    """Restore into the streams of a log group, or all into one; AWS is asked as the source called `source` says."""

    kind: Literal["log-group"]
    group: Annotated[str, Field(min_length=1, max_length=512)]
    stream: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    source: Name

    def as_request(self) -> TargetRequest:
        """Return the target as the use case takes it."""
        return LogGroupTargetRequest(self.group, self.stream, self.source)


class VolumeTargetBody(Body):
    """Restore EBS snapshots into new volumes in an availability zone; `only` names volumes of the backup."""

    kind: Literal["volume"]
    zone: Annotated[str, Field(min_length=3, max_length=60)]
    volume_type: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    only: list[str] = Field(default=[], max_length=1000)

    def as_request(self) -> TargetRequest:
        """Return the target as the use case takes it."""
        return VolumeTargetRequest(self.zone, self.volume_type, tuple(self.only))


class RdsTargetBody(Body):
    """Restore an RDS snapshot into a new instance or cluster."""

    kind: Literal["rds"]
    database: Annotated[str, Field(min_length=1, max_length=63)]
    instance_class: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    subnet_group: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    security_groups: list[str] = Field(default=[], max_length=50)
    several_zones: Annotated[bool, Field(strict=True)] = False

    def as_request(self) -> TargetRequest:
        """Return the target as the use case takes it."""
        groups = tuple(self.security_groups)
        return RdsTargetRequest(self.database, self.instance_class, self.subnet_group, groups, self.several_zones)


TargetBody = Annotated[
    FilesTargetBody | PostgresTargetBody | BucketTargetBody | LogGroupTargetBody | VolumeTargetBody | RdsTargetBody,
    Field(discriminator="kind"),
]
