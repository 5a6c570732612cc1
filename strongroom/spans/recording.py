"""Where a span begins and ends. Without somebody who records them, that is two comparisons."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from strongroom.tracing import bind, get_ids

Value = str | int | float | bool
Attributes = Mapping[str, Value]


class Kind(StrEnum):
    """Which side of a conversation a span is."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Caller:
    """The span of another process that led to this one.

    `sampled` is its decision whether spans are exported, from a process that may decide; None has this one decide.
    """

    trace_id: str
    span_id: str
    sampled: bool | None = None


class Span(Protocol):
    """A span that has begun."""

    @property
    def span_id(self) -> str | None:
        """Return the id, 16 hex digits."""

    @property
    def traceparent(self) -> str | None:
        """Return what another process has to know to go on from here."""

    def rename(self, name: str) -> None:
        """Change the name, once more is known."""

    def note(self, name: str, value: Value) -> None:
        """Add an attribute: an id, a name or a figure, never what the work is about."""

    def fail(self, error_type: str) -> None:
        """Say that it did not go well, and why in one word."""

    def end(self) -> None:
        """End it."""


class Recorder(Protocol):
    """Records spans."""

    def begin(self, name: str, kind: Kind, attributes: Attributes, caller: Caller | None) -> Span:
        """Begin a span under the one that is bound to the present work, or under that of another process."""


class NoSpan:
    """What there is where nobody records."""

    span_id = None
    traceparent = None

    def rename(self, name: str) -> None:
        """Do nothing."""

    def note(self, name: str, value: Value) -> None:
        """Do nothing."""

    def fail(self, error_type: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


NO_SPAN = NoSpan()
NO_ATTRIBUTES: Attributes = {}
_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Have this process record spans, or cease to."""
    global _recorder
    _recorder = recorder


def is_recording() -> bool:
    """Say whether this process records spans."""
    return _recorder is not None


def begin(
    name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes = NO_ATTRIBUTES, caller: Caller | None = None
) -> Span:
    """Begin a span that ends in another call; everywhere else `span` ends it."""
    return NO_SPAN if _recorder is None else _recorder.begin(name, kind, attributes, caller)


def begin_inside(name: str, kind: Kind, attributes: Attributes) -> Span:
    """Begin a span of one statement or call, where it is part of something; what stands alone is not worth one."""
    return NO_SPAN if get_ids().span is None else begin(name, kind, attributes)


@contextmanager
def span(
    name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes = NO_ATTRIBUTES, caller: Caller | None = None
) -> Iterator[Span]:
    """Record a block as a span; what begins inside is below it."""
    if _recorder is None:
        yield NO_SPAN
        return
    begun = _recorder.begin(name, kind, attributes, caller)
    try:
        with bind(span=begun):
            yield begun
    except BaseException as error:
        begun.fail(type(error).__name__)
        raise
    finally:
        begun.end()
