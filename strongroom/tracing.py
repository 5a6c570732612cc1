"""The trace id that ties a request, its job, its attempts and its log lines together."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_trace_id: ContextVar[str | None] = ContextVar("strongroom_trace_id", default=None)


def get_trace_id() -> str | None:
    """Return the trace id of the current request or task, 32 lowercase hex digits, if there is one."""
    return _trace_id.get()


@contextmanager
def trace(trace_id: str | None) -> Iterator[None]:
    """Bind a trace id for the length of a block; nested blocks restore the outer one."""
    token = _trace_id.set(trace_id)
    try:
        yield
    finally:
        _trace_id.reset(token)


class TraceFormatter(logging.Formatter):
    """Gives a format `%(trace_id)s`: the trace id of what a line is about, `-` where there is none."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.trace_id = get_trace_id() or "-"
        return super().format(record)
