"""Counts answered requests by route, method and code."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.clock import Clock
from strongroom.metrics.requests import RequestCounts

NO_ROUTE = "none"
"""The route of paths that are not there."""
FAILED = 500


class RequestCounting:
    """ASGI middleware that counts each request when its answer begins: some answers never end."""

    def __init__(self, app: ASGIApp, counts: RequestCounts, clock: Clock) -> None:
        self._app = app
        self._counts = counts
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = self._clock.monotonic(), False

        def count(code: int) -> None:
            nonlocal answered
            answered = True
            self._counts.note(_route(scope), scope["method"], code, self._clock.monotonic() - began)

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except Exception:
            # Whoever stands outside answers this one.
            if not answered:
                count(FAILED)
            raise


def _route(scope: Scope) -> str:
    """Return the template of the route, which the gate has learned; never the path, of which there is no end."""
    route = scope.get("route")
    find: Callable[[object, str], str | None] = scope["app"].state.gate.find_template
    return NO_ROUTE if route is None else find(route, scope["method"]) or NO_ROUTE
