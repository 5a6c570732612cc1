"""The ids that tie work together, carried by messages: from who sends one to who works on it, and what that sends.

They are headers of their own, set only where a message has none: a retry keeps those of the first try, the next task of
a chain gets those of the one before, and a message that is delivered again is the same message. A tick of Beat begins a
trace of its own at every run.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from celery import signals

from strongroom.clock import system_random
from strongroom.spans.recording import Caller, Kind, Value, begin, is_recording, span
from strongroom.tracing import NOTHING, Ids, bind, get_ids, is_trace_id, set_ids

SPAN_HEADER = "traceparent"
TRACE_HEADER = "x_trace_id"
REQUEST_HEADER = "x_request_id"
_LONGEST_ID = 64
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")


def connect() -> None:
    """Have every message that this process sends or works on carry the ids."""
    signals.before_task_publish.connect(_write_ids, weak=False)
    signals.task_prerun.connect(_read_ids, weak=False)
    signals.task_postrun.connect(_forget_ids, weak=False)


def under_ids_of(headers: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Bind what a message carries for the length of a block; one from elsewhere may carry nothing, or nonsense."""
    ids = _ids_in(headers, headers.get("id"))
    return bind(trace_id=ids.trace_id, request_id=ids.request_id, task_id=ids.task_id)


def headers_of_now() -> dict[str, str]:
    """Return the ids of a message that is sent now."""
    ids = get_ids()
    headers = {TRACE_HEADER: ids.trace_id or system_random(16).hex()}
    return headers if ids.request_id is None else headers | {REQUEST_HEADER: ids.request_id}


def _write_ids(headers: dict[str, Any], routing_key: str = "", **_: Any) -> None:
    if TRACE_HEADER not in headers:
        headers.update(headers_of_now())
    if SPAN_HEADER in headers or not is_recording():
        return
    told = _about(routing_key, "send", headers.get("id"))
    with bind(trace_id=headers[TRACE_HEADER]), span(f"send {routing_key}", Kind.PRODUCER, told) as sent:
        headers[SPAN_HEADER] = sent.traceparent


def _read_ids(task_id: str, task: Any, **_: Any) -> None:
    told = {name: getattr(task.request, name, None) for name in (TRACE_HEADER, REQUEST_HEADER)}
    ids = _ids_in(told, task_id)
    set_ids(ids)
    if is_recording():
        queue = (getattr(task.request, "delivery_info", None) or {}).get("routing_key", "")
        caller = _sender(getattr(task.request, SPAN_HEADER, None))
        told_more = _about(queue, "process", task_id) | {"strongroom.task": task.name}
        set_ids(replace(ids, span=begin(f"process {queue}", Kind.CONSUMER, told_more, caller)))


def _forget_ids(state: str | None = None, **_: Any) -> None:
    worked: Any = get_ids().span
    if worked is not None:
        if state not in (None, "SUCCESS"):
            worked.fail(str(state))
        worked.end()
    # The same thread works on the next message.
    set_ids(NOTHING)


def _about(queue: str, operation: str, message_id: Any) -> dict[str, Value]:
    about: dict[str, Value] = {"messaging.system": "celery", "messaging.operation.type": operation}
    return about | {"messaging.destination.name": queue, "messaging.message.id": _short(message_id) or ""}


def _sender(traceparent: Any) -> Caller | None:
    """Return the span that sent a message; it decided for all of the trace whether spans are exported."""
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    return None if found is None else Caller(found[1], found[2], sampled=found[3] == "01")


def _ids_in(headers: Mapping[str, Any], task_id: Any) -> Ids:
    trace_id, request_id = headers.get(TRACE_HEADER), headers.get(REQUEST_HEADER)
    return Ids(
        trace_id=trace_id if is_trace_id(trace_id) else system_random(16).hex(),
        request_id=_short(request_id),
        task_id=_short(task_id),
    )


def _short(text: Any) -> str | None:
    return text[:_LONGEST_ID] if isinstance(text, str) else None
