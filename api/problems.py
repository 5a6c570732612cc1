"""Errors as RFC 9457 problems: a status, a stable code, what happened and what to do. No input is echoed."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    NoSuchMethodError,
    NoSuchPathError,
    ServerFailedError,
    UnreadableRequestError,
)
from api.gate import bearer, pass_gate
from api.sessions.errors import SessionInvalidError, SessionsFullError
from api.tracing import SCOPE_KEY, Story
from api.witnessing import witness
from strongroom.access.errors import CredentialRefusedError
from strongroom.accounts.errors import LoginRefusedError, TokenExpiredOrWrongError, TooManyAttemptsError
from strongroom.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StrongroomError,
    UnavailableError,
)
from strongroom.jobs.errors import BatchRefusedError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS_OF: tuple[tuple[type[StrongroomError], HTTPStatus], ...] = (
    (CredentialRefusedError, HTTPStatus.UNAUTHORIZED),
    (SessionInvalidError, HTTPStatus.UNAUTHORIZED),
    (SessionsFullError, HTTPStatus.TOO_MANY_REQUESTS),
    (LoginRefusedError, HTTPStatus.UNAUTHORIZED),
    (TokenExpiredOrWrongError, HTTPStatus.UNAUTHORIZED),
    (TooManyAttemptsError, HTTPStatus.TOO_MANY_REQUESTS),
    (InvalidInputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (NotAllowedError, HTTPStatus.FORBIDDEN),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The status of each category of error; what is in none of them is the server's own failure."""

HEADERS_OF: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}

ROUTING_ERRORS: dict[int, tuple[type[StrongroomError], str]] = {
    HTTPStatus.NOT_FOUND: (NoSuchPathError, "The paths there are stand in /openapi.json."),
    HTTPStatus.METHOD_NOT_ALLOWED: (NoSuchMethodError, "The methods there are stand in the Allow header."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (BodyTooLargeError, "A request body may have up to 1 MiB."),
}
"""Error and next step of what is refused before a route is reached."""
MOST_MISTAKES = 20
LONGEST_PLACE = 200
UNREADABLE = (UnreadableRequestError, "Correct the request and send it again.")


class Problem(BaseModel):
    """What every error answers. `code` is stable; `errors` names the places of a request that are wrong."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    next_step: str
    request_id: str | None = None
    errors: list[dict[str, str]] | None = None


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    int(status): {
        "description": status.phrase,
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
    for status in (*(status for _, status in STATUS_OF), HTTPStatus.INTERNAL_SERVER_ERROR)
}
"""What the OpenAPI page says about errors."""


def answer_errors(app: FastAPI) -> None:
    """Have the application answer every error as a problem."""
    app.exception_handler(StrongroomError)(_strongroom_error)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(DataError)(_unkeepable_value)
    app.exception_handler(UnicodeEncodeError)(_unkeepable_value)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(Exception)(_unexpected_error)


async def _strongroom_error(request: Request, error: StrongroomError) -> JSONResponse:
    witness(request, error)
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    problem = Problem(
        title=(type(error).__doc__ or "").partition("\n")[0],
        status=status,
        code=error.code,
        detail=error.what,
        next_step=error.next_step,
        errors=_refused_items(error) if isinstance(error, BatchRefusedError) else None,
    )
    return _answer(request, problem, _headers_of(status, error))


def _headers_of(status: int, error: StrongroomError) -> dict[str, str]:
    headers = dict(HEADERS_OF.get(status, {}))
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def _refused_items(error: BatchRefusedError) -> list[dict[str, str]]:
    return [
        {"place": f"body.items.{refusal.index}", "code": refusal.error.code, "message": refusal.error.what}
        for refusal in error.refusals
    ]


async def _find_refusal(request: Request) -> JSONResponse | None:
    """Answer a request that may not pass; FastAPI parses a body, and fails over it, before it asks the gate."""
    try:
        await pass_gate(request, await bearer(request))
    except NotAllowedError as refused:
        return await _strongroom_error(request, refused)
    return None


async def _validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    return await _find_refusal(request) or _describe_mistakes(request, error)


def _describe_mistakes(request: Request, error: RequestValidationError) -> JSONResponse:
    mistakes = error.errors()[:MOST_MISTAKES]
    # A place may be a field that somebody made up, of any length.
    places = [{"place": ".".join(map(str, one["loc"]))[:LONGEST_PLACE], "message": one["msg"]} for one in mistakes]
    problem = Problem(
        title="The request is not as the API expects it.",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=InvalidRequestError.code,
        detail="; ".join(f"{place['place']}: {place['message']}" for place in places),
        next_step="Correct the places named in `errors`; /openapi.json describes every request.",
        errors=places,
    )
    return _answer(request, problem, {})


async def _unkeepable_value(request: Request, _: Exception) -> JSONResponse:
    """Answer a value that no database takes: text with a NUL or half a character, or a number that is too large."""
    error = InvalidRequestError(
        "A value of the request cannot be kept or looked for: it holds a NUL, half a character or too large a number.",
        next_step="Send text and numbers that a database takes.",
    )
    return await _strongroom_error(request, error)


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    refusal = await _find_refusal(request) if status is HTTPStatus.BAD_REQUEST else None
    if refusal is not None:
        return refusal
    error_class, next_step = ROUTING_ERRORS.get(status, UNREADABLE)
    problem = Problem(
        title=status.phrase,
        status=status,
        code=error_class.code,
        detail=status.description or status.phrase,
        next_step=next_step,
    )
    return _answer(request, problem, dict(error.headers or {}))


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    # The error itself goes to the log, with its traceback; it may hold what must not leave the machine.
    story: Story = request.scope[SCOPE_KEY]
    log.error("request %s of trace %s failed: %s", story.request_id, story.trace_id, type(error).__name__)
    witness(request, None)
    problem = Problem(
        title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code=ServerFailedError.code,
        detail="The server failed in a way nobody foresaw.",
        next_step="Look for the request id in the server's log and report what it says.",
    )
    return _answer(request, problem, {})


def _answer(request: Request, problem: Problem, headers: dict[str, str]) -> JSONResponse:
    story: Story = request.scope[SCOPE_KEY]
    body = problem.model_copy(update={"request_id": story.request_id}).model_dump(exclude_none=True)
    response = JSONResponse(body, problem.status, headers, MEDIA_TYPE)
    # The answer to an unexpected error is sent from outside the middleware that adds them otherwise.
    story.write(response.headers)
    return response
