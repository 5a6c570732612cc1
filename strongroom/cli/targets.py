"""Reads the target of a restore as people spell it."""

from pathlib import Path

from strongroom.backup.database_wish import PLACEHOLDER
from strongroom.backup.targets import (
    BucketTargetRequest,
    FilesTargetRequest,
    LogGroupTargetRequest,
    PostgresTargetRequest,
    TargetRequest,
)
from strongroom.catalog.backups import Backup
from strongroom.cli.errors import TargetSpellingError
from strongroom.settings import TREE_KINDS
from strongroom.sources.postgres.holding import held_databases


def read_target(backup: Backup, spelled: str | None) -> TargetRequest:
    """Return the target: a path, `s3://BUCKET/PREFIX`, or `DATABASE` or `SOURCE/DATABASE` for PostgreSQL.

    Where none is given it is a new one. Raises TargetSpellingError.
    """
    if spelled == "":
        raise TargetSpellingError("The target is empty.", next_step="Name it; an unset shell variable leaves nothing.")
    if backup.source_kind == "s3" and spelled is not None and spelled.startswith("s3://"):
        return _bucket(backup, spelled)
    if backup.source_kind == "cloudwatch-logs" and spelled is not None and spelled.startswith("logs:"):
        return _log_group(backup, spelled)
    if backup.source_kind in TREE_KINDS:
        return FilesTargetRequest(Path(spelled or f"{backup.source}-restored").absolute())
    server, slash, dbname = (spelled or _new_name(backup)).rpartition("/")
    if not dbname or (slash and not server) or "/" in server:
        raise TargetSpellingError(
            f"{spelled!r} does not name a database.",
            next_step="Write DATABASE, or SOURCE/DATABASE for one on the server of another source.",
        )
    return PostgresTargetRequest(server=server or backup.source, dbname=dbname)


def _bucket(backup: Backup, spelled: str) -> BucketTargetRequest:
    bucket, _, prefix = spelled.removeprefix("s3://").partition("/")
    if not bucket:
        raise TargetSpellingError(f"{spelled!r} does not name a bucket.", next_step="Write s3://BUCKET/PREFIX.")
    # Whoever types a prefix means a folder, and a key that merely begins so would surprise.
    folder = f"{prefix.rstrip('/')}/" if prefix else ""
    return BucketTargetRequest(bucket, folder, backup.source)


def _log_group(backup: Backup, spelled: str) -> LogGroupTargetRequest:
    group, colon, stream = spelled.removeprefix("logs:").partition(":")
    if not group or (colon and not stream):
        what = f"{spelled!r} does not name a log group."
        raise TargetSpellingError(what, next_step="Write logs:GROUP, or logs:GROUP:STREAM for one stream.")
    return LogGroupTargetRequest(group, stream or None, backup.source)


def _new_name(backup: Backup) -> str:
    several = len(held_databases(backup.facts or {})) > 1
    return f"{PLACEHOLDER}_restored" if several else f"{backup.source}_restored"
