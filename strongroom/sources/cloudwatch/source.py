"""Log groups as a source of backups."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from strongroom.aws.client import AwsClient, access_of
from strongroom.clock import Clock
from strongroom.settings.aws_feeds import CloudWatchLogsSourceSettings
from strongroom.sources.cloudwatch.events import Pace
from strongroom.sources.cloudwatch.groups import list_groups
from strongroom.sources.cloudwatch.walk import LogGroupsWalk, Span
from strongroom.sources.errors import EmptySourceError
from strongroom.tree.content import Walk


class LogGroupsSource:
    """Reads the log groups that the settings name; `check` is called before every call, and may raise to stop."""

    def __init__(self, settings: CloudWatchLogsSourceSettings, clock: Clock, check: Callable[[], None]) -> None:
        self._settings, self._clock, self._check = settings, clock, check

    def expected_bytes(self) -> int | None:
        """Return None: what CloudWatch Logs says about sizes is of all that it ever took."""
        return None

    @contextmanager
    def open(self) -> Iterator[Walk]:
        """List the groups and begin a walk; raises EmptySourceError and the errors of strongroom.aws.errors."""
        settings, now = self._settings, self._clock.now()
        client = AwsClient(access_of(settings, settings.region))
        groups = list(list_groups(client, settings, now))
        if not groups:
            raise EmptySourceError(
                f"There is no log group of source {settings.name} in {settings.region}.",
                next_step="Correct groups, exclude_groups and region of the source in strongroom.toml.",
            )
        span = Span(now, settings.days, timedelta(minutes=settings.settle_minutes))
        yield LogGroupsWalk(client, groups, span, paced(self._clock, self._check, settings.requests_per_second))


def paced(clock: Clock, check: Callable[[], None], per_second: float) -> Pace:
    """Return what waits before a call until the last one is long enough ago."""
    next_at = clock.monotonic()

    def wait() -> None:
        nonlocal next_at
        check()
        now = clock.monotonic()
        if now < next_at:
            clock.sleep(next_at - now)
        next_at = max(now, next_at) + 1 / per_second

    return wait
