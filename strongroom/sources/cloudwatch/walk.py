"""One pass over log groups, as a tree of files of an hour each.

An hour that an earlier backup read when it was over, and its late events had had their time, is taken over from there,
and CloudWatch Logs is not asked again: that is the cursor, and no hour can be passed over by it. An hour that is in no
earlier backup and has gone from CloudWatch Logs, though earlier ones are there, is a gap; a file says so.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial

import msgspec

from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsNotFoundError, KmsKeyRefusedError, PermissionMissingError
from strongroom.errors import StrongroomError
from strongroom.sources.cloudwatch.content import HOUR, HourContent, TextContent, Window, nanoseconds
from strongroom.sources.cloudwatch.events import GroupEvents, Pace, milliseconds
from strongroom.sources.cloudwatch.groups import LogGroup
from strongroom.sources.cloudwatch.names import EVENTS, GAP, day_of, file_of
from strongroom.tree.content import Enter, Item, Keep, Leave, Problem, ProblemKind, Step
from strongroom.tree.entry import Entry, EntryType

DIRECTORY_MODE = 0o700
GONE = "gone from CloudWatch Logs before they were read: back up more often than its retention ends"


@dataclass(frozen=True, slots=True)
class Span:
    """What a backup reaches over: so many days before `now`; events may come late by `settle`."""

    now: datetime
    days: int
    settle: timedelta

    def hours(self) -> Iterator[datetime]:
        """Yield the beginning of every hour, the one that is not over included."""
        hour = floor(self.now - timedelta(days=self.days))
        while hour < self.now:
            yield hour
            hour += HOUR


def floor(moment: datetime) -> datetime:
    """Return the beginning of the hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


@dataclass
class _Pass:
    """The way through one group's hours."""

    group: LogGroup
    events: GroupEvents
    has_earlier: bool = False
    is_begun: bool = False
    refused: Problem | None = None
    gap: tuple[datetime, datetime] | None = None


class LogGroupsWalk:
    """A directory for each group, in it one for each day, in it a file for each hour; can be iterated once."""

    def __init__(self, client: AwsClient, groups: Iterable[LogGroup], span: Span, pace: Pace) -> None:
        self._client, self._span, self._pace = client, span, pace
        self._groups = sorted(groups, key=lambda group: group.directory)
        self._keep: Keep = _keep_nothing
        self._problems: list[Problem] = []
        self._refusals: list[StrongroomError] = []
        self._read = self._kept = self._gaps = 0

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps; raises where groups may be listed but none may be read."""
        yield _enter(b"")
        for group in self._groups:
            yield _enter(group.directory)
            if group.readable:
                events = GroupEvents(self._client, group.name, self._span.now, self._pace)
                yield from self._days(_Pass(group, events))
            else:
                reason = "its class, Infrequent Access, has events that cannot be read back"
                self._problems.append(Problem(group.name, ProblemKind.UNSUPPORTED, reason))
            yield Leave()
        yield Leave()
        if self._refusals and not self._read + self._kept:
            raise self._refusals[0]

    def keep(self, keep: Keep) -> None:
        """Take hours over from earlier backups with this."""
        self._keep = keep

    def problems(self) -> list[Problem]:
        """Return groups that could not be read, and gaps that are new."""
        return self._problems

    def facts(self) -> dict[str, str | int]:
        """Return how far the backup reaches; nothing from before the cursor is asked for again."""
        cursor = floor(self._span.now - self._span.settle)
        return {
            "log_groups": len(self._groups),
            "cursor": cursor.isoformat(),
            "hours_read": self._read,
            "hours_kept": self._kept,
            "gap_hours": self._gaps,
        }

    def _days(self, way: _Pass) -> Iterator[Step]:
        day = b""
        for hour in self._span.hours():
            if day_of(hour) != day:
                if day:
                    yield Leave()
                day = day_of(hour)
                yield _enter(day)
            yield from self._hour(way, hour)
        yield Leave()
        self._note_gap(way)

    def _hour(self, way: _Pass, hour: datetime) -> Iterator[Step]:
        """Yield what has to be written of an hour: its events if they are not final, and that some are missing."""
        window = Window(hour, min(hour + HOUR, self._span.now), self._span.now)
        is_expired = hour < way.group.since
        state = self._take_over(window, anything=is_expired or way.refused is not None)
        if state is _Kept.NOTHING and window.end > way.group.since and not way.is_begun:
            self._begin(way, window)
            # What an earlier backup has of the hour is all there is if the group is refused.
            state = state if way.refused is None else self._take_over(window, anything=True)
        if state is _Kept.NOTHING and window.end > way.group.since and way.refused is None:
            yield self._unread(way, window)
        if state is not _Kept.FINAL and is_expired and way.has_earlier:
            yield from self._gap(way, window)
        else:
            self._gaps += self._keep(file_of(hour, GAP), _always)
        way.has_earlier |= state is not _Kept.NOTHING
        self._kept += state is not _Kept.NOTHING

    def _begin(self, way: _Pass, window: Window) -> None:
        """Ask for a group's first events before anything is said of its hours: it may be refused."""
        way.is_begun = True
        try:
            way.events.begin(milliseconds(window.hour))
        except StrongroomError as error:
            problem = self._refuse(way, error)
            if problem is None:
                raise
            self._problems.append(problem)

    def _take_over(self, window: Window, *, anything: bool) -> "_Kept":
        """Take an hour over from an earlier backup if nothing can be added to it: it is final, or `anything` is all."""
        final_from = nanoseconds(window.hour + HOUR + self._span.settle)
        final = False

        def is_wanted(entry: Entry) -> bool:
            nonlocal final
            final = entry.ctime_ns >= final_from
            return final or anything

        if not self._keep(file_of(window.hour, EVENTS), is_wanted):
            return _Kept.NOTHING
        return _Kept.FINAL if final else _Kept.PART

    def _unread(self, way: _Pass, window: Window) -> Step:
        entry = window.entry(file_of(window.hour, EVENTS))
        start, end = milliseconds(window.hour), milliseconds(window.end)
        self._read += 1
        return Item(entry, HourContent(entry, partial(way.events.between, start, end), partial(self._refused, way)))

    def _refused(self, way: _Pass, error: StrongroomError) -> Problem | None:
        """Return what an error means for an hour that was begun; None where it is about more than the group."""
        problem = self._refuse(way, error)
        self._read -= problem is not None
        return problem

    def _refuse(self, way: _Pass, error: StrongroomError) -> Problem | None:
        """Note what an error means for the group: the rest of it is not asked for."""
        if isinstance(error, AwsNotFoundError):
            problem = Problem(way.group.name, ProblemKind.VANISHED, "deleted while it was being read")
        elif isinstance(error, PermissionMissingError | KmsKeyRefusedError):
            problem = Problem(way.group.name, ProblemKind.UNREADABLE, error.what)
            self._refusals.append(error)
        else:
            return None
        way.refused = problem
        return problem

    def _gap(self, way: _Pass, window: Window) -> Iterator[Step]:
        self._gaps += 1
        name = file_of(window.hour, GAP)
        if self._keep(name, _always):
            return
        way.gap = (way.gap[0] if way.gap else window.hour, window.hour + HOUR)
        entry = window.entry(name)
        fields = {"from": window.hour.isoformat(), "to": (window.hour + HOUR).isoformat(), "reason": GONE}
        yield Item(entry, TextContent(entry, msgspec.json.encode(fields) + b"\n"))

    def _note_gap(self, way: _Pass) -> None:
        if way.gap is not None:
            start, end = way.gap
            reason = f"hours from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC {GONE}"
            self._problems.append(Problem(way.group.name, ProblemKind.VANISHED, reason))


class _Kept(Enum):
    """What of an hour is taken over from an earlier backup."""

    NOTHING = 0
    PART = 1
    FINAL = 2


def _always(_: Entry) -> bool:
    return True


def _keep_nothing(_: bytes, __: Callable[[Entry], bool]) -> bool:
    return False


def _enter(name: bytes) -> Step:
    return Enter(Entry(name, EntryType.DIRECTORY, DIRECTORY_MODE))
