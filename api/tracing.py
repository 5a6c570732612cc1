"""Trace and request ids: taken from the request or made, bound while it is handled, and always answered."""

import re
import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.clock import RandomBytes
from strongroom.tracing import trace

SCOPE_KEY = "strongroom.story"

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)")
_UUID_OR_HEX = re.compile(r"^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$", re.IGNORECASE)
_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class Story:
    """The ids of one request. `trace_id` is 32 hex digits; `shown` is the same in the caller's spelling."""

    trace_id: str
    shown: str
    request_id: str

    def write(self, headers: MutableHeaders) -> None:
        """Answer both ids."""
        headers["X-Trace-Id"] = self.shown
        headers["X-Request-ID"] = self.request_id


def read_story(headers: Headers, random: RandomBytes) -> Story:
    """Take the trace id from `traceparent`, else from `X-Trace-Id`, else make one; the request id is always new."""
    request_id = random(16).hex()
    parent = _TRACEPARENT.match(headers.get("traceparent", ""))
    if parent and parent["trace"] != _NO_TRACE:
        return Story(parent["trace"], parent["trace"], request_id)
    given = headers.get("x-trace-id", "")
    # What does not look like a trace id is dropped: it would end up in logs.
    if _UUID_OR_HEX.match(given):
        return Story(given.replace("-", "").lower(), given, request_id)
    made = uuid.UUID(bytes=random(16))
    return Story(made.hex, str(made), request_id)


def get_trace_id(request: Request) -> str:
    """Return the trace id of a request, for the job it leads to."""
    story: Story = request.scope[SCOPE_KEY]
    return story.trace_id


TraceId = Annotated[str, Depends(get_trace_id)]


class TraceHeaders:
    """ASGI middleware that binds the ids of a request and adds them to its response."""

    def __init__(self, app: ASGIApp, random: RandomBytes) -> None:
        self._app = app
        self._random = random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        story = scope[SCOPE_KEY] = read_story(Headers(scope=scope), self._random)

        async def send_with_ids(message: Message) -> None:
            if message["type"] == "http.response.start":
                story.write(MutableHeaders(scope=message))
            await send(message)

        with trace(story.trace_id):
            await self._app(scope, receive, send_with_ids)
