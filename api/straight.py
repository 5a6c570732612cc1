"""A route that is called straight, for what is asked for most."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.gate import bearer, pass_gate


class StraightRoute(APIRoute):
    """A route behind the gate whose endpoint takes the request alone and answers by itself.

    FastAPI looks up, for every request, what an endpoint and all it depends on want; here both are simply called.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request: the gate, then the endpoint."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            await pass_gate(request, await bearer(request))
            answer: Response = await endpoint(request)
            return answer

        return handle
