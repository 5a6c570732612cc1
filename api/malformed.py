"""What is no HTTP is answered like every other error: as a problem, with both ids. No application ever sees it."""

import logging
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders

from api.problems import MEDIA_TYPE, UNREADABLE, Problem
from api.serving import BoundedHttp
from api.tracing import read_story
from strongroom.clock import system_random
from strongroom.tracing import bind

log = logging.getLogger(__name__)


class ProblemHttp(BoundedHttp):
    """HTTP as uvicorn speaks it, but for what it answers by itself."""

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, and close; `msg` is of the server and holds nothing of what was sent."""
        # Of its own: whatever headers came before the fault cannot be relied on.
        story = read_story(Headers(), system_random)
        body = _problem(msg, story.request_id).encode()
        headers = MutableHeaders({"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"})
        story.write(headers)
        told = b"".join(b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *headers.raw))
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + told + b"\r\n" + body)
        self.transport.close()
        with bind(trace_id=story.trace_id, request_id=story.request_id):
            log.warning("http.malformed: %s", msg)


def _problem(msg: str, request_id: str) -> str:
    error, next_step = UNREADABLE
    problem = Problem(
        title=(error.__doc__ or "").partition("\n")[0],
        status=HTTPStatus.BAD_REQUEST,
        code=error.code,
        detail=msg,
        next_step=next_step,
        request_id=request_id,
    )
    return problem.model_dump_json(exclude_none=True)
