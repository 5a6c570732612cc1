"""A bucket as a source of backups."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from strongroom.aws.client import AwsClient, access_of
from strongroom.settings.aws_feeds import S3SourceSettings
from strongroom.sources.errors import EmptySourceError
from strongroom.sources.s3.content import Bucket
from strongroom.sources.s3.listing import list_bucket
from strongroom.sources.s3.sorting import sorted_listing
from strongroom.sources.s3.walk import BucketWalk
from strongroom.tree.content import Walk


class BucketSource:
    """Reads the objects that the settings name; long listings are sorted in private files below scratch."""

    def __init__(self, settings: S3SourceSettings, scratch: Path) -> None:
        self._settings = settings
        self._scratch = scratch

    def expected_bytes(self) -> int | None:
        """Return None: only the listing would tell."""
        return None

    @contextmanager
    def open(self) -> Iterator[Walk]:
        """List the bucket and begin a walk; raises EmptySourceError and the errors of strongroom.aws.errors."""
        settings = self._settings
        client = AwsClient(access_of(settings, settings.region))
        with sorted_listing(list_bucket(client, settings), self._scratch) as listing:
            first = next(listing, None)
            if first is None and not settings.allow_empty:
                raise _empty(settings)
            facts: dict[str, str | int] = {"bucket": settings.bucket, "prefix": settings.prefix}
            records = listing if first is None else chain([first], listing)
            yield BucketWalk(Bucket(client, settings.bucket), records, facts)


def _empty(settings: S3SourceSettings) -> EmptySourceError:
    return EmptySourceError(
        f"The bucket {settings.bucket} of source {settings.name} has no object under {settings.prefix!r}.",
        next_step="Correct bucket and prefix; if it is meant to be empty, set allow_empty = true.",
    )
