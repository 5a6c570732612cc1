"""Which log groups there are, and from when on CloudWatch Logs may still have their events."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings
from strongroom.sources.cloudwatch.names import directory_of

OLDEST_EVENT = timedelta(days=14)
"""How old an event may be when it is put, so that a group may have events from before it was made."""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group; it has no event from before `since`."""

    name: str
    since: datetime
    readable: bool

    @property
    def directory(self) -> bytes:
        """Return the name of its directory in a backup."""
        return directory_of(self.name)


def list_groups(client: AwsClient, settings: CloudWatchLogsSourceSettings, now: datetime) -> Iterator[LogGroup]:
    """Yield the groups that the settings mean; raises the errors of strongroom.aws.errors."""
    for found in client.items(AwsCall.DESCRIBE_LOG_GROUPS, "logGroups"):
        name = str(found["logGroupName"])
        if is_meant(settings, name):
            made = datetime.fromtimestamp(found.get("creationTime", 0) / 1000, UTC)
            days = found.get("retentionInDays")
            kept = now - timedelta(days=days) if days else datetime.fromtimestamp(0, UTC)
            # Events of this class can be searched by Logs Insights only.
            readable = found.get("logGroupClass") != "INFREQUENT_ACCESS"
            yield LogGroup(name, max(kept, made - OLDEST_EVENT), readable)


def is_meant(settings: CloudWatchLogsSourceSettings, name: str) -> bool:
    """Say whether the settings name a group."""
    meant = any(fnmatchcase(name, pattern) for pattern in settings.groups)
    return meant and not any(fnmatchcase(name, pattern) for pattern in settings.exclude_groups)
