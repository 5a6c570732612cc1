"""An hour of a log group's events, as content of an entry: one JSON document a line."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from strongroom.errors import StrongroomError
from strongroom.sources.cloudwatch.events import Event
from strongroom.tree.content import ContentVanishedError, OpenContent, Problem
from strongroom.tree.entry import Entry, EntryType

HOUR = timedelta(hours=1)
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Window:
    """An hour of a log group, up to `end` where it is not over; `read_at` is when it was asked for."""

    hour: datetime
    end: datetime
    read_at: datetime

    def entry(self, name: bytes) -> Entry:
        """Return the entry of a file about it; its change time, when it was read, says later whether it is final."""
        return Entry(
            name,
            EntryType.FILE,
            FILE_MODE,
            uid=os.geteuid(),
            gid=os.getegid(),
            mtime_ns=nanoseconds(self.end),
            ctime_ns=nanoseconds(self.read_at),
        )


def nanoseconds(moment: datetime) -> int:
    """Return a moment as an entry has it."""
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


class HourContent:
    """The events of a window; `explain` says what an error means for it, None where it is about more than the group."""

    replayable = True

    def __init__(
        self,
        entry: Entry,
        events: Callable[[], Iterator[Event]],
        explain: Callable[[StrongroomError], Problem | None],
    ) -> None:
        self._entry, self._events, self._explain = entry, events, explain

    @contextmanager
    def open(self) -> Iterator[OpenContent]:
        """Ask for the first events; raises ContentVanishedError and the errors of strongroom.aws.errors."""
        try:
            yield OpenLines(self._entry, self._events())
        except StrongroomError as error:
            problem = self._explain(error)
            if problem is None:
                raise
            raise ContentVanishedError(problem) from error


class OpenLines:
    """Events being read, as lines of JSON."""

    def __init__(self, entry: Entry, events: Iterator[Event]) -> None:
        self.entry = entry
        self._events = events
        self._encode = msgspec.json.Encoder().encode
        self._line = memoryview(b"")

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next bytes; 0 means the end."""
        filled = 0
        while filled < len(view) and self._next_line():
            piece = self._line[: len(view) - filled]
            view[filled : filled + len(piece)] = piece
            self._line = self._line[len(piece) :]
            filled += len(piece)
        return filled

    def settle(self) -> Problem | None:
        """Return None: the search came to its end."""
        return None

    def _next_line(self) -> bool:
        if not self._line:
            event = next(self._events, None)
            if event is None:
                return False
            self._line = memoryview(self._encode(event) + b"\n")
        return True


class TextContent:
    """A few bytes that are known already."""

    replayable = True

    def __init__(self, entry: Entry, text: bytes) -> None:
        self._entry, self._text = entry, text

    @contextmanager
    def open(self) -> Iterator[OpenContent]:
        """Give the bytes."""
        yield OpenText(self._entry, self._text)


class OpenText:
    """Bytes being handed out."""

    def __init__(self, entry: Entry, text: bytes) -> None:
        self.entry = entry
        self._rest = memoryview(text)

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next bytes; 0 means the end."""
        piece = self._rest[: len(view)]
        view[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)

    def settle(self) -> Problem | None:
        """Return None: they cannot change."""
        return None
