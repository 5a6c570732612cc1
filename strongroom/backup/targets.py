"""Where a restore goes: a directory, or a database on the server of a configured source."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.backup.cloud_targets import (
    CloudTargetRequest,
    RdsTargetRequest,
    VolumeTargetRequest,
    parse_cloud_target,
    verify_cloud_target,
)
from strongroom.backup.errors import OverwriteNotConfirmedError, TargetKindError
from strongroom.settings import (
    TREE_KINDS,
    CloudWatchLogsSourceSettings,
    PostgresSourceSettings,
    S3SourceSettings,
    Settings,
)

_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_STREAM = re.compile(r"[^:*]{1,512}")


@dataclass(frozen=True, slots=True)
class FilesTargetRequest:
    """A directory; absent or empty unless it may be overwritten."""

    path: Path

    @property
    def name(self) -> str:
        """Return the name that confirms an overwrite."""
        return str(self.path)

    @property
    def exclusion(self) -> str:
        """Return the key under which one restore at a time works on the target."""
        return _exclusion(self.as_args())

    def as_args(self) -> dict[str, str]:
        """Return the form that a job carries."""
        return {"kind": "files", "path": str(self.path)}


@dataclass(frozen=True, slots=True)
class PostgresTargetRequest:
    """A database on the server of the source called `server`."""

    server: str
    dbname: str

    @property
    def name(self) -> str:
        """Return the name that confirms an overwrite."""
        return self.dbname

    @property
    def exclusion(self) -> str:
        """Return the key under which one restore at a time works on the target."""
        return _exclusion(self.as_args())

    def as_args(self) -> dict[str, str]:
        """Return the form that a job carries; addresses and passwords stay in the settings."""
        return {"kind": "postgres", "server": self.server, "dbname": self.dbname}


@dataclass(frozen=True, slots=True)
class BucketTargetRequest:
    """A prefix of a bucket; empty unless it may be overwritten. `source` says as whom and where AWS is asked."""

    bucket: str
    prefix: str
    source: str

    @property
    def name(self) -> str:
        """Return the name that confirms an overwrite."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def exclusion(self) -> str:
        """Return the key under which one restore at a time works on the target."""
        return _exclusion(self.as_args())

    def as_args(self) -> dict[str, str]:
        """Return the form that a job carries; access keys stay in the settings."""
        return {"kind": "s3", "bucket": self.bucket, "prefix": self.prefix, "source": self.source}


@dataclass(frozen=True, slots=True)
class LogGroupTargetRequest:
    """A log group; absent or without streams unless it may be added to. With `stream` all events go into that one.

    `source` says as whom and where AWS is asked.
    """

    group: str
    stream: str | None
    source: str

    @property
    def name(self) -> str:
        """Return the name that confirms that events are added to those that are there."""
        return f"logs:{self.group}"

    @property
    def exclusion(self) -> str:
        """Return the key under which one restore at a time works on the target."""
        return _exclusion(self.as_args() | {"stream": ""})

    def as_args(self) -> dict[str, str]:
        """Return the form that a job carries; access keys stay in the settings."""
        return {"kind": "log-group", "group": self.group, "stream": self.stream or "", "source": self.source}


StoredTargetRequest = FilesTargetRequest | PostgresTargetRequest | BucketTargetRequest | LogGroupTargetRequest
"""Targets that bytes of our repository are written to."""

TargetRequest = StoredTargetRequest | CloudTargetRequest


def place_of(target: TargetRequest) -> str:
    """Return which target it is, of all there are, as the command line writes it: `SERVER/DATABASE` for a database."""
    return f"{target.server}/{target.dbname}" if isinstance(target, PostgresTargetRequest) else target.name


def verify_stored(target: TargetRequest) -> StoredTargetRequest:
    """Return a target that takes bytes of our repository; raises TargetKindError."""
    if isinstance(target, VolumeTargetRequest | RdsTargetRequest):
        raise TargetKindError(
            "Only a snapshot becomes a volume or database of AWS.", next_step="Name a directory or a database server."
        )
    return target


def _exclusion(args: Mapping[str, str]) -> str:
    # A path may be longer than a key.
    return f"target:{hashlib.sha256(json.dumps(args, sort_keys=True, separators=(',', ':')).encode()).hexdigest()}"


def parse_target(args: Mapping[str, Any]) -> TargetRequest:
    """Read a target from a job's arguments; raises TargetKindError."""
    match args:
        case {"kind": "files", "path": str(path)}:
            return FilesTargetRequest(Path(path))
        case {"kind": "postgres", "server": str(server), "dbname": str(dbname)}:
            return PostgresTargetRequest(server, dbname)
        case {"kind": "s3", "bucket": str(bucket), "prefix": str(prefix), "source": str(source)}:
            return BucketTargetRequest(bucket, prefix, source)
        case {"kind": "log-group", "group": str(group), "stream": str(stream), "source": str(source)}:
            return LogGroupTargetRequest(group, stream or None, source)
    if (target := parse_cloud_target(args)) is not None:
        return target
    raise TargetKindError(
        "The restore target is neither a directory nor a database nor a bucket nor a log group.",
        next_step="Give a path, or a server and a database name.",
    )


def verify_target(settings: Settings, target: TargetRequest, source_kind: str) -> None:
    """Check that the target fits what the backup holds; raises TargetKindError or UnknownSourceError."""
    if isinstance(target, VolumeTargetRequest | RdsTargetRequest):
        verify_cloud_target(target, source_kind)
    elif isinstance(target, FilesTargetRequest):
        _verify_directory(target, source_kind)
    elif isinstance(target, BucketTargetRequest):
        _verify_bucket(settings, target, source_kind)
    elif isinstance(target, LogGroupTargetRequest):
        _verify_log_group(settings, target, source_kind)
    else:
        _verify_database(settings, target, source_kind)


def _verify_directory(target: FilesTargetRequest, source_kind: str) -> None:
    if source_kind not in TREE_KINDS:
        raise TargetKindError(
            f"A {source_kind} backup is not restored into a directory.",
            next_step="Name a server and a database instead.",
        )
    if "\0" in str(target.path):
        raise TargetKindError("The target's path holds a NUL character.", next_step="Name a directory that can exist.")
    if not target.path.is_absolute():
        raise TargetKindError(
            f"The target {target.path} is not an absolute path.",
            next_step="Workers have their own working directory: start the path with /.",
        )


def _verify_bucket(settings: Settings, target: BucketTargetRequest, source_kind: str) -> None:
    if source_kind != "s3":
        raise TargetKindError(
            f"A {source_kind} backup is not restored into a bucket.", next_step="Name a directory or a database."
        )
    get_bucket_access(settings, target)


def _verify_log_group(settings: Settings, target: LogGroupTargetRequest, source_kind: str) -> None:
    if source_kind != "cloudwatch-logs":
        raise TargetKindError(
            f"A {source_kind} backup is not restored into a log group.", next_step="Name a directory or a database."
        )
    if not _GROUP.fullmatch(target.group) or (target.stream and not _STREAM.fullmatch(target.stream)):
        raise TargetKindError(
            f"{target.group!r} and {target.stream!r} do not name a log group and a stream.",
            next_step="Write a group of letters, digits and . _ - / #, and a stream without : and *.",
        )
    get_log_source(settings, target.source)


def get_log_source(settings: Settings, name: str) -> CloudWatchLogsSourceSettings:
    """Return the source that says how CloudWatch Logs is reached; raises UnknownSourceError or TargetKindError."""
    source = settings.get_source(name)
    if not isinstance(source, CloudWatchLogsSourceSettings):
        raise TargetKindError(
            f"The source {name!r} is not one of log groups.", next_step="Name a source of kind cloudwatch-logs."
        )
    return source


def get_bucket_access(settings: Settings, target: BucketTargetRequest) -> S3SourceSettings:
    """Return the source that says how the bucket is reached: its own, if it is one's, else the one that is named.

    Raises UnknownSourceError or TargetKindError.
    """
    for source in settings.sources.values():
        if isinstance(source, S3SourceSettings) and source.bucket == target.bucket:
            return source
    named = settings.get_source(target.source)
    if not isinstance(named, S3SourceSettings):
        raise TargetKindError(f"The source {target.source!r} is not a bucket.", next_step="Name a source of kind s3.")
    return named


def _verify_database(settings: Settings, target: PostgresTargetRequest, source_kind: str) -> None:
    if source_kind != "postgres":
        raise TargetKindError(
            f"A {source_kind} backup is not restored into a database.", next_step="Name a directory instead."
        )
    get_postgres_server(settings, target.server)


def get_postgres_server(settings: Settings, name: str) -> PostgresSourceSettings:
    """Return the source whose server a restore goes to; raises UnknownSourceError or TargetKindError."""
    source = settings.get_source(name)
    if not isinstance(source, PostgresSourceSettings):
        raise TargetKindError(
            f"The source {name!r} is not a PostgreSQL server.", next_step="Name a source of kind postgres."
        )
    return source


def verify_overwrite(target: TargetRequest, *, overwrite: bool, confirm: str | None) -> None:
    """Check that whoever overwrites a target has typed its name; raises OverwriteNotConfirmedError."""
    if overwrite and isinstance(target, VolumeTargetRequest | RdsTargetRequest):
        raise TargetKindError(
            "A snapshot becomes a new volume or database; nothing is overwritten.", next_step="Leave out --overwrite."
        )
    if overwrite and confirm != target.name:
        raise OverwriteNotConfirmedError(
            f"Overwriting {target.name} needs its name as confirmation.",
            next_step=f"Repeat it with --confirm {target.name}, or with `confirm` in the API.",
        )
