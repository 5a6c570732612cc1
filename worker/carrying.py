"""The ids that tie work together, carried by messages: from who sends one to who works on it, and what that sends.

They are headers of their own, set only where a message has none: a retry keeps those of the first try, the next task of
a chain gets those of the one before, and a message that is delivered again is the same message. A tick of Beat begins a
trace of its own at every run.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from celery import signals

from strongroom.clock import system_random
from strongroom.tracing import NOTHING, Ids, bind, get_ids, is_trace_id, set_ids

TRACE_HEADER = "x_trace_id"
REQUEST_HEADER = "x_request_id"
_LONGEST_ID = 64


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
    """Return the headers of a message that is sent now."""
    ids = get_ids()
    headers = {TRACE_HEADER: ids.trace_id or system_random(16).hex()}
    return headers if ids.request_id is None else headers | {REQUEST_HEADER: ids.request_id}


def _write_ids(headers: dict[str, Any], **_: Any) -> None:
    if TRACE_HEADER not in headers:
        headers.update(headers_of_now())


def _read_ids(task_id: str, task: Any, **_: Any) -> None:
    told = {name: getattr(task.request, name, None) for name in (TRACE_HEADER, REQUEST_HEADER)}
    set_ids(_ids_in(told, task_id))


def _forget_ids(**_: Any) -> None:
    # The same thread works on the next message.
    set_ids(NOTHING)


def _ids_in(headers: Mapping[str, Any], task_id: Any) -> Ids:
    trace_id, request_id = headers.get(TRACE_HEADER), headers.get(REQUEST_HEADER)
    return Ids(
        trace_id=trace_id if is_trace_id(trace_id) else system_random(16).hex(),
        request_id=_short(request_id),
        task_id=_short(task_id),
    )


def _short(text: Any) -> str | None:
    return text[:_LONGEST_ID] if isinstance(text, str) else None
