"""From a source's settings to the source."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from strongroom.clock import Clock, SystemClock
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings, S3SourceSettings
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.settings.sources import SourceSettings, TreeSourceSettings
from strongroom.sources.errors import NothingToReadError
from strongroom.sources.files.source import FilesSource
from strongroom.tree.content import Walk


class Source(Protocol):
    """Something that can be backed up."""

    def expected_bytes(self) -> int | None:
        """Return about how many bytes a backup will read, None where only reading would tell."""

    def open(self) -> AbstractContextManager[Walk]:
        """Begin a pass over it; raises the errors of strongroom.sources.errors."""


def _never() -> None:
    """Never stop."""


def open_source(
    settings: SourceSettings, scratch: Path, check: Callable[[], None] = _never, clock: Clock | None = None
) -> Source:
    """Return the source that the settings describe; connects to nothing yet.

    scratch is a private directory on this machine for what must not be in arguments, such as a password file. `check`
    may raise to stop a source that waits for a program; one that only reads is stopped between its reads.
    """
    if isinstance(settings, TreeSourceSettings):
        return FilesSource(settings)
    if isinstance(settings, S3SourceSettings):
        # boto3 is an extra that a machine with files only does not need.
        from strongroom.sources.s3.source import BucketSource

        return BucketSource(settings, scratch)
    if isinstance(settings, CloudWatchLogsSourceSettings):
        from strongroom.sources.cloudwatch.source import LogGroupsSource

        return LogGroupsSource(settings, clock or SystemClock(), check)
    if not isinstance(settings, PostgresSourceSettings):
        raise NothingToReadError(
            f"Source {settings.name!r} ({settings.kind}) is not read: AWS takes its snapshots.",
            next_step="Run a worker of this version of Strongroom, which knows snapshots.",
        )
    # The PostgreSQL driver is an extra that a machine with files only does not need.
    from strongroom.sources.postgres.source import PostgresSource

    return PostgresSource(settings, scratch, check)
