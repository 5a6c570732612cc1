"""The events of one log group, hour by hour, from as few calls as that takes."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient

Pace = Callable[[], None]
"""Called before every call; waits where calls come too fast."""


class Event(msgspec.Struct, frozen=True):
    """One event, as a line of a backup has it; times are milliseconds since 1970."""

    timestamp: int
    stream: str
    message: str
    ingestion_time: int = 0
    event_id: str = ""


class GroupEvents:
    """Reads a group's events in order of time; an hour that follows on the last one goes on with the same search.

    Holds one page, of 1 MB.
    """

    def __init__(self, client: AwsClient, group: str, until: datetime, pace: Pace) -> None:
        self._client, self._group, self._pace = client, group, pace
        self._until = milliseconds(until)
        self._position: int | None = None
        self._page: deque[dict[str, Any]] = deque()
        self._pages: Iterator[dict[str, Any]] = iter(())

    def begin(self, start: int) -> None:
        """Ask for the first events from a moment on, for `between` to go on with; raises as that does."""
        self._page.clear()
        self._pages, self._position = self._search(start), start
        self._fill()

    def between(self, start: int, end: int) -> Iterator[Event]:
        """Yield the events from one moment on and before another; raises the errors of strongroom.aws.errors."""
        if self._position != start:
            self._page.clear()
            self._pages = self._search(start)
        # Whoever does not read on to the end does not go on from there either.
        self._position = None
        while self._fill() and self._page[0]["timestamp"] < end:
            yield _event(self._page.popleft())
        self._position = end

    def _fill(self) -> bool:
        while not self._page:
            page = next(self._pages, None)
            if page is None:
                return False
            self._page.extend(page.get("events", []))
        return True

    def _search(self, start: int) -> Iterator[dict[str, Any]]:
        # The end is within the range; pages may be empty before the last one.
        where: dict[str, Any] = {"logGroupName": self._group, "startTime": start, "endTime": self._until - 1}
        token: str | None = None
        while True:
            self._pace()
            more = {"nextToken": token} if token else {}
            page = self._client.call(AwsCall.FILTER_LOG_EVENTS, interleaved=True, **where, **more)
            yield page
            token = page.get("nextToken")
            if not token:
                return


def milliseconds(moment: datetime) -> int:
    """Return a moment as CloudWatch Logs counts it."""
    return int(moment.timestamp() * 1000)


def _event(found: dict[str, Any]) -> Event:
    return Event(
        timestamp=int(found["timestamp"]),
        stream=_text(found["logStreamName"]),
        message=_text(found["message"]),
        ingestion_time=int(found.get("ingestionTime", 0)),
        event_id=str(found.get("eventId", "")),
    )


def _text(said: str) -> str:
    """Return what can be written as UTF-8: JSON may have halves of characters, which become question marks."""
    return said if said.isascii() else said.encode(errors="replace").decode()
