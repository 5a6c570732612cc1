"""Trace and request ids: taken from the request or made, bound while it is handled, and always answered."""

import logging
import re
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.clock import RandomBytes
from strongroom.spans.recording import NO_SPAN, Caller, Kind, Span, is_recording
from strongroom.spans.recording import span as begun
from strongroom.tracing import bind, is_trace_id

SCOPE_KEY = "strongroom.story"
FAILED = 500
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own, which would export texts of errors and bodies, and go by what callers say of sampling."""

_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?"
)
_UUID_OR_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NO_SPAN = "0" * 16
_LONGEST_PATH = 200
PROBED = "/health/"
"""Asked every few seconds by load balancers: not worth a line, except to whoever looks for a fault."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Story:
    """The ids of one request. `trace_id` is 32 hex digits; `shown` is the same in the caller's spelling.

    `parent_id` is the caller's span, and `called` what the caller named the request and could be no id of ours.
    """

    trace_id: str
    shown: str
    request_id: str
    parent_id: str | None = None
    called: tuple[str, ...] = ()

    def write(self, headers: MutableHeaders) -> None:
        """Answer both ids."""
        headers["X-Trace-Id"] = self.shown
        headers["X-Request-ID"] = self.request_id


def read_story(headers: Headers, random: RandomBytes) -> Story:
    """Take the trace id from `traceparent`, else from `X-Trace-Id`, else make one; the request id is always new."""
    request_id = random(16).hex()
    given = headers.get("x-trace-id", "")
    called = _well_formed(headers.get("x-request-id", ""))
    if parent := _read_parent(headers):
        return Story(parent["trace"], parent["trace"], request_id, parent["parent"], called)
    if _UUID_OR_HEX.fullmatch(given) and is_trace_id(trace_id := given.replace("-", "").lower()):
        return Story(trace_id, given, request_id, called=called)
    made = uuid.UUID(bytes=random(16))
    # In the shape of a UUID, which is what clients of before expect.
    return Story(made.hex, str(made), request_id, called=called + _well_formed(given))


def _read_parent(headers: Headers) -> re.Match[str] | None:
    """Return what W3C Trace Context calls a valid `traceparent`, of this version or the beginning of a later one."""
    # Two of them are none: nobody could say which one holds.
    values = headers.getlist("traceparent")
    found = _TRACEPARENT.fullmatch(values[0].strip()) if len(values) == 1 else None
    if found is None or not is_trace_id(found["trace"]) or found["parent"] == _NO_SPAN:
        return None
    return None if found["version"] == "00" and found["more"] is not None else found


def _well_formed(text: str) -> tuple[str, ...]:
    """Return a name that a caller gave; what could break a line of a log is dropped."""
    return (text,) if _WELL_FORMED.fullmatch(text) else ()


async def trace_id_of(request: Request) -> str:
    """Return the trace id of a request, for the job it leads to."""
    story: Story = request.scope[SCOPE_KEY]
    return story.trace_id


TraceId = Annotated[str, Depends(trace_id_of)]


class TraceHeaders:
    """ASGI middleware that binds the ids of a request, adds them to its response and logs that it was answered.

    The ids are in `request.state.trace_id` and `request.state.request_id` too. A face that strangers reach logs what it
    refuses by itself, counted, and its requests not one by one.
    """

    def __init__(self, app: ASGIApp, random: RandomBytes, *, logged: bool = True) -> None:
        self._app = app
        self._random = random
        self._logged = logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        story = scope[SCOPE_KEY] = read_story(Headers(scope=scope), self._random)
        scope.setdefault("state", {}).update(trace_id=story.trace_id, request_id=story.request_id)
        began, status = time.perf_counter(), FAILED

        async def send_with_ids(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                story.write(MutableHeaders(scope=message))
            await send(message)

        with bind(trace_id=story.trace_id, request_id=story.request_id), _span(scope, story) as span:
            try:
                await self._app(scope, receive, send_with_ids)
            finally:
                if is_recording():
                    _describe(span, scope, status)
                if self._logged:
                    _note(scope, story, status, time.perf_counter() - began)


def _span(scope: Scope, story: Story) -> AbstractContextManager[Span]:
    """Begin the span of a request, below that of the caller, who has no say in whether it is exported."""
    if not is_recording() or scope["path"].startswith(PROBED):
        return nullcontext(NO_SPAN)
    caller = Caller(story.trace_id, story.parent_id) if story.parent_id else None
    told = {"http.request.method": scope["method"], "url.scheme": scope.get("scheme", "http")}
    told |= {"strongroom.request_id": story.request_id, "strongroom.called": ",".join(story.called)}
    return begun(scope["method"], Kind.SERVER, {name: value for name, value in told.items() if value}, caller)


def _describe(span: Span, scope: Scope, status: int) -> None:
    """Say which route it was, never which path, of which there is no end."""
    span.note("http.response.status_code", status)
    if status >= FAILED:
        span.fail(str(status))
    route = scope.get("route")
    if route is not None:
        gate = getattr(scope["app"].state, "gate", None)
        template = gate.find_template(route, scope["method"]) if gate else getattr(route, "path", None)
        span.note("http.route", template or "none")
        span.rename(f"{scope['method']} {template or 'none'}")


def _note(scope: Scope, story: Story, status: int, seconds: float) -> None:
    """Log what was asked for, without the query, which may hold the id of a session."""
    principal = scope["state"].get("principal")
    called = f" called {','.join(story.called)}" if story.called else ""
    more = {"event": "http.request", "duration_s": round(seconds, 6), "user_id": getattr(principal, "id", None)}
    more["username"] = getattr(principal, "name", None)
    level = logging.DEBUG if scope["path"].startswith(PROBED) else logging.INFO
    log.log(level, "%s %.*s %d%s", scope["method"], _LONGEST_PATH, scope["path"], status, called, extra=more)
