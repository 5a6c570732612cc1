"""A log group as the target of a restore."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import AwsExistsError, AwsNotFoundError
from strongroom.sources.cloudwatch.events import Event, Pace
from strongroom.sources.errors import TargetNotEmptyError

MOST_EVENTS = 10_000
MOST_BYTES = 1_048_576
EVENT_OVERHEAD = 26
"""What counts for a batch besides the message (PutLogEvents); a batch spans 24 hours at most."""

MOST_MILLISECONDS = 24 * 3600 * 1000
MOST_HELD_BYTES = 16 << 20
"""Events that wait for their batch to be full, of all streams together."""


@dataclass(slots=True)
class _Batch:
    events: list[Event] = field(default_factory=list)
    size: int = 0

    def has_room_for(self, event: Event, size: int) -> bool:
        """Say whether an event may join those that are there."""
        if not self.events:
            return True
        within_a_day = event.timestamp - self.events[0].timestamp < MOST_MILLISECONDS
        return within_a_day and len(self.events) < MOST_EVENTS and self.size + size <= MOST_BYTES


class LogGroupTarget:
    """Puts events into streams of a group, which are made as they are needed; memory holds 16 MiB of them."""

    def __init__(self, client: AwsClient, group: str, pace: Pace) -> None:
        self._client, self._group, self._pace = client, group, pace
        self._batches: dict[str, _Batch] = {}
        self._streams: set[str] = set()
        self._held = 0
        self.rejected = 0
        """Events that CloudWatch Logs did not take, because of their age."""

    def prepare(self, *, may_hold_something: bool) -> None:
        """Make the group if it is not there; raises TargetNotEmptyError and the errors of strongroom.aws.errors."""
        with suppress(AwsExistsError):
            self._client.call(AwsCall.CREATE_LOG_GROUP, logGroupName=self._group)
            return
        if not may_hold_something and self.state() == "filled":
            raise TargetNotEmptyError(
                f"The log group {self._group} has streams already.",
                next_step="Name a group that is empty or absent, or repeat it with --overwrite --confirm.",
            )

    def state(self) -> str:
        """Say whether the group is absent, empty, or filled with a stream at least."""
        try:
            found = self._client.call(AwsCall.DESCRIBE_LOG_STREAMS, logGroupName=self._group, limit=1)
        except AwsNotFoundError:
            return "absent"
        return "filled" if found["logStreams"] else "empty"

    def put(self, stream: str, event: Event) -> None:
        """Put an event, the next in time of its stream; it may wait for more until `flush`."""
        size = len(event.message.encode()) + EVENT_OVERHEAD
        batch = self._batches.setdefault(stream, _Batch())
        if not batch.has_room_for(event, size):
            self._send(stream)
            batch = self._batches.setdefault(stream, _Batch())
        batch.events.append(event)
        batch.size += size
        self._held += size
        if self._held > MOST_HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        for stream in list(self._batches):
            self._send(stream)

    def _send(self, stream: str) -> None:
        batch = self._batches.pop(stream)
        self._held -= batch.size
        self._make(stream)
        self._pace()
        answer = self._client.call(
            AwsCall.PUT_LOG_EVENTS,
            logGroupName=self._group,
            logStreamName=stream,
            logEvents=[{"timestamp": event.timestamp, "message": event.message} for event in batch.events],
        )
        self.rejected += _rejected(answer.get("rejectedLogEventsInfo") or {}, len(batch.events))

    def _make(self, stream: str) -> None:
        if stream in self._streams:
            return
        with suppress(AwsExistsError):
            self._client.call(AwsCall.CREATE_LOG_STREAM, logGroupName=self._group, logStreamName=stream)
        self._streams.add(stream)


def _rejected(info: dict[str, int], count: int) -> int:
    """Return how many of a batch were not taken: those before an index are too old, those from one on too new."""
    old = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    return min(count, old + count - info.get("tooNewLogEventStartIndex", count))


def lines_of(pieces: Iterator[memoryview]) -> Iterator[bytes]:
    """Yield the lines of a file, without their ends."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + bytes(piece)).split(b"\n")
        yield from whole
    if rest:
        yield rest
