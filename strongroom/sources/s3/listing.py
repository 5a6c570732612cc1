"""What is in a bucket: every version and delete marker under a prefix."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.settings.aws_feeds import S3SourceSettings
from strongroom.sources.s3.names import path_of, version_path
from strongroom.sources.s3.sorting import Listed

NO_VERSION = "null"
_SECOND = 1_000_000_000


def list_bucket(client: AwsClient, settings: S3SourceSettings) -> Iterator[Listed]:
    """Yield what the bucket lists, page by page; raises the errors of strongroom.aws.errors."""
    where = {"Bucket": settings.bucket, "Prefix": settings.prefix}
    if not settings.versions:
        for found in client.items(AwsCall.LIST_OBJECTS, "Contents", **where):
            yield _current(found)
        return
    rows = (row for page in client.pages(AwsCall.LIST_OBJECT_VERSIONS, **where) for row in _rows(page))
    for _, versions in groupby(rows, key=itemgetter("Key")):
        yield from _ranked(versions)


def _rows(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a page's versions and markers together, by key, the newest of each first, as the pages are cut."""
    markers = [{**row, "Marker": True} for row in page.get("DeleteMarkers", [])]
    rows = [*page.get("Versions", []), *markers]
    # The order of keys is the bucket's own: a stable sort by time within each keeps the newest first.
    places = {key: number for number, key in enumerate(dict.fromkeys(sorted(row["Key"] for row in rows)))}
    yield from sorted(rows, key=lambda row: (places[row["Key"]], not row["IsLatest"], -row["LastModified"].timestamp()))


def _ranked(versions: Iterator[dict[str, Any]]) -> Iterator[Listed]:
    """Yield one key's versions; those of one second are told apart by their place, counted from the oldest."""
    for _, same_second in groupby(versions, key=lambda row: int(row["LastModified"].timestamp())):
        rows = list(same_second)
        for number, row in enumerate(rows):
            yield _version(row, rank=len(rows) - 1 - number)


def _version(row: dict[str, Any], rank: int) -> Listed:
    if row["IsLatest"] and not row.get("Marker"):
        return _current(row)
    at: datetime = row["LastModified"]
    return Listed(
        path=version_path(row["Key"], at, rank, row["VersionId"]),
        key=row["Key"],
        version_id=row["VersionId"],
        etag=_unquoted(row),
        size=row.get("Size", 0),
        mtime_ns=_nanoseconds(at),
        is_latest=row["IsLatest"],
        is_marker=bool(row.get("Marker")),
        storage_class=row.get("StorageClass", ""),
    )


def _current(row: dict[str, Any]) -> Listed:
    return Listed(
        path=path_of(row["Key"]),
        key=row["Key"],
        version_id=row.get("VersionId", NO_VERSION),
        etag=_unquoted(row),
        size=row["Size"],
        mtime_ns=_nanoseconds(row["LastModified"]),
        is_latest=True,
        storage_class=row.get("StorageClass", ""),
    )


def _unquoted(row: dict[str, Any]) -> str:
    return str(row.get("ETag", "")).strip('"')


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * _SECOND + at.microsecond * 1000
