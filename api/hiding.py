"""Errors that nobody thought of, answered and logged without what they hold."""

import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.tracing import SCOPE_KEY, Story

log = logging.getLogger(__name__)


class HiddenErrors:
    """ASGI middleware that answers an unexpected error with `answer`; the log has the name of its type only.

    Without it a server writes the error's text and its frames to the log, which may show what stood in variables. Added
    before `TraceHeaders`, so that it runs within.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            _note(scope, error)
            if not started:
                await self._answer(Request(scope))(scope, receive, send)


def _note(scope: Scope, error: Exception) -> None:
    story: Story = scope[SCOPE_KEY]
    log.error("skip.failed request=%s error=%s", story.request_id, type(error).__name__)
