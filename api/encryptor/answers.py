"""What encryptors are answered: nothing may be kept on the way, and an error says no more than its code."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.encryptor.errors import RateExceededError
from api.hiding import HiddenErrors
from api.tracing import SCOPE_KEY, Story
from strongroom.errors import InvalidInputError, NotAllowedError, NotFoundError, StrongroomError, UnavailableError

log = logging.getLogger(__name__)

STATUS_OF: tuple[tuple[type[StrongroomError], HTTPStatus], ...] = (
    (RateExceededError, HTTPStatus.TOO_MANY_REQUESTS),
    (InvalidInputError, HTTPStatus.BAD_REQUEST),
    (NotFoundError, HTTPStatus.BAD_REQUEST),
    (NotAllowedError, HTTPStatus.FORBIDDEN),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""draft-cisco-skip-02, tables 3, 7 and 9: what is not known is 400, as what is malformed is."""

SECONDS_TO_WAIT = {HTTPStatus.TOO_MANY_REQUESTS: "1", HTTPStatus.SERVICE_UNAVAILABLE: "5"}


def answer(
    document: Mapping[str, object], status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON that nobody on the way may keep."""
    return Response(
        json.dumps(document), status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json"
    )


def answer_key(key_id: str, key: bytearray) -> Response:
    """Answer with a key, and wipe the bytes that were given."""
    try:
        return answer({"keyId": key_id, "key": key.hex()})
    finally:
        key[:] = bytes(len(key))


def answer_errors(app: FastAPI) -> None:
    """Have the application answer every error as encryptors expect it."""
    app.exception_handler(StrongroomError)(_strongroom_error)
    app.exception_handler(HTTPException)(_http_error)
    app.add_middleware(HiddenErrors, answer=_unexpected_error)


async def _strongroom_error(request: Request, error: StrongroomError) -> Response:
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    level = logging.WARNING if isinstance(error, NotAllowedError) else logging.INFO
    log.log(level, "skip.answer status=%d code=%s %s", status, error.code, error.__cause__ or error.what)
    wait = SECONDS_TO_WAIT.get(status)
    return _error(request, status, error.code, {"Retry-After": wait} if wait else {})


async def _http_error(request: Request, error: HTTPException) -> Response:
    codes = {HTTPStatus.NOT_FOUND: "api.no_such_path", HTTPStatus.METHOD_NOT_ALLOWED: "api.no_such_method"}
    code = codes.get(HTTPStatus(error.status_code), "api.unreadable_request")
    return _error(request, error.status_code, code, error.headers or {})


def _unexpected_error(request: Request) -> Response:
    return _error(request, HTTPStatus.INTERNAL_SERVER_ERROR, "api.unexpected", {})


def _error(request: Request, status: int, code: str, headers: Mapping[str, str]) -> Response:
    story: Story = request.scope[SCOPE_KEY]
    return answer({"error": code, "trace_id": story.trace_id, "request_id": story.request_id}, status, headers)
