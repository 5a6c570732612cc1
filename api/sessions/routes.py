"""One-time sessions over HTTP: made behind the gate, used by whoever holds the id."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from api.sessions.errors import PrefetchRefusedError, SessionInvalidError, SessionsAwayError
from api.sessions.redis_sessions import RedisSessionManager
from api.sessions.reuse import note_refused
from api.straight import StraightRoute

STORAGE = "redis"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""What every answer about a session says: keep it nowhere, and tell nobody its address."""

_PREFETCH_MARKS = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_UNASKED = ("prefetch", "preview", "prerender")
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"type": "object", "properties": {"session_id": {"type": "string"}}}}},
}

gated = APIRouter(prefix="/auth", tags=["sessions"])
router = APIRouter(prefix="/auth", tags=["sessions"])


class MadeDocument(BaseModel):
    """A session that was made; the page at `iframe_url` opens once."""

    session_id: str
    expires_in_minutes: int
    iframe_url: str
    storage: str = STORAGE


class UseDocument(BaseModel):
    """A session that was just used up, as Redis keeps it."""

    valid: bool = True
    session_id: str
    created_at: datetime
    expires_at: datetime
    used: bool = True
    iframe_opened: bool = False
    used_at: datetime


class CountsDocument(BaseModel):
    """Sessions that live now, used ones included, and all that ever were; `total_refused` were one too many."""

    total_sessions: int
    active_sessions: int
    used_sessions: int
    total_created: int
    total_used: int
    total_refused: int
    max_sessions: int
    storage: str = STORAGE
    redis_healthy: bool = True


class RedisHealthDocument(BaseModel):
    """Whether the Redis that keeps sessions answers: `healthy` or `unhealthy`."""

    status: str
    message: str
    timestamp: datetime


async def get_sessions(request: Request) -> RedisSessionManager:
    """Return the sessions of the application."""
    sessions: RedisSessionManager = request.app.state.sessions
    return sessions


async def refuse_prefetch(request: Request) -> None:
    """Refuse what a browser or previewer asks for before anybody wants it; raises PrefetchRefusedError."""
    marks = (request.headers.get(name, "").lower() for name in _PREFETCH_MARKS)
    if any(word in mark for mark in marks for word in _UNASKED):
        raise PrefetchRefusedError(
            "One-time sessions are not used by prefetching.", next_step="Open the page when somebody wants to see it."
        )


Sessions = Annotated[RedisSessionManager, Depends(get_sessions)]


async def create_session(request: Request) -> Response:
    """Make a session that can be used once, by validating it or by opening the page."""
    sessions: RedisSessionManager = request.app.state.sessions
    session_id = await sessions.create()
    url = f"/client/iframe.html?session_id={session_id}"
    made = {"session_id": session_id, "expires_in_minutes": sessions.rules.minutes, "iframe_url": url}
    return Response(to_json({**made, "storage": STORAGE}), headers=PRIVATE, media_type="application/json")


gated.add_api_route(
    "/create-session", create_session, methods=["POST"], response_model=MadeDocument, route_class_override=StraightRoute
)


@router.get("/validate-session", dependencies=[Depends(refuse_prefetch)])
async def validate_session(request: Request, response: Response, session_id: str = "") -> UseDocument:
    """Use a session up. For callers of old: an id in an address gets into logs, and POST takes it in the body."""
    return await _use(request, response, session_id)


@router.post("/validate-session", openapi_extra={"requestBody": _BODY})
async def validate_posted_session(request: Request, response: Response) -> UseDocument:
    """Use a session up."""
    return await _use(request, response, _session_id_in(await request.body()))


@gated.get("/session-status")
async def show_session_status(sessions: Sessions) -> CountsDocument:
    """Count the sessions."""
    counts = await sessions.count()
    return CountsDocument(
        total_sessions=counts.total,
        active_sessions=counts.total - counts.used,
        used_sessions=counts.used,
        total_created=counts.created_ever,
        total_used=counts.used_ever,
        total_refused=counts.refused_ever,
        max_sessions=sessions.rules.most,
    )


@router.get("/redis-health", responses={503: {"model": RedisHealthDocument}})
async def show_redis_health(sessions: Sessions, response: Response) -> RedisHealthDocument:
    """Say whether the Redis that keeps sessions answers."""
    status, message = "healthy", "The connection to Redis works."
    try:
        await sessions.verify()
    except SessionsAwayError as error:
        response.status_code = 503
        response.headers["Retry-After"] = str(error.retry_after)
        status, message = "unhealthy", "Redis does not answer."
    return RedisHealthDocument(status=status, message=message, timestamp=datetime.now(UTC))


async def _use(request: Request, response: Response, session_id: str) -> UseDocument:
    response.headers.update(PRIVATE)
    sessions = await get_sessions(request)
    try:
        used = await sessions.consume(session_id)
    except SessionInvalidError:
        await note_refused(request, session_id)
        raise
    return UseDocument(
        session_id=session_id, created_at=used.created_at, expires_at=used.expires_at, used_at=used.used_at
    )


def _session_id_in(body: bytes) -> str:
    # Whatever is not the id of a session gets the answer of an id that opens nothing.
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = document.get("session_id") if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""
