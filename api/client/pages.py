"""The page that a one-time session opens, what it is made of, and the data it shows."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from api.catalog_patience import verify_catalog
from api.client.board import Board, BoardDocument
from api.client.headers import VISIT_COOKIE, data_headers, page_headers, visit_cookie
from api.sessions.errors import SessionInvalidError, SessionsAwayError
from api.sessions.redis_sessions import RedisSessionManager
from api.sessions.reuse import note_refused
from api.sessions.routes import Sessions, refuse_prefetch
from api.witnessing import witness
from strongroom.settings import SessionSettings

_STATIC = Path(__file__).parent / "static"
_FILES = {path.name: path.read_bytes() for path in sorted(_STATIC.iterdir())}
# Asked for again each time, so that a new version is never mixed with an old one.
_FILE_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}

router = APIRouter(prefix="/client", tags=["client"])


class StyleResponse(Response):
    """A style sheet."""

    media_type = "text/css"


class ScriptResponse(Response):
    """A script."""

    media_type = "text/javascript"


async def get_board(request: Request) -> Board:
    """Return the board of the application."""
    board: Board = request.app.state.board
    return board


async def get_rules(request: Request) -> SessionSettings:
    """Return what the settings say about sessions."""
    rules: SessionSettings = request.app.state.desk.services.settings.sessions
    return rules


Rules = Annotated[SessionSettings, Depends(get_rules)]


@router.get("/iframe.html", response_class=HTMLResponse, dependencies=[Depends(refuse_prefetch)])
async def show_page(request: Request, sessions: Sessions, rules: Rules, session_id: str = "") -> Response:
    """Open the status board, once; its data are shown for as long as a session lives."""
    headers = page_headers(rules)
    try:
        used = await sessions.consume(session_id, visit=True)
    except SessionInvalidError as error:
        witness(request, error)
        await note_refused(request, session_id)
        return HTMLResponse(_FILES["refused.html"], 401, headers)
    except SessionsAwayError as error:
        return HTMLResponse(_FILES["away.html"], 503, headers | {"Retry-After": str(error.retry_after)})
    return HTMLResponse(_FILES["iframe.html"], 200, headers | visit_cookie(rules, used.visit or ""))


@router.get("/board.json")
async def show_board(
    request: Request, response: Response, sessions: Sessions, board: Annotated[Board, Depends(get_board)]
) -> BoardDocument:
    """Show what the board shows, to a visit that still lasts."""
    response.headers.update(data_headers())
    await _verify_visit(sessions, request)
    await verify_catalog(request)
    return await run_in_threadpool(board.show)


@router.get("/board.css", response_class=StyleResponse)
def show_style() -> Response:
    """Show how the page looks."""
    return StyleResponse(_FILES["board.css"], headers=_FILE_HEADERS)


@router.get("/board.js", response_class=ScriptResponse)
def show_script() -> Response:
    """Show what the page does."""
    return ScriptResponse(_FILES["board.js"], headers=_FILE_HEADERS)


async def _verify_visit(sessions: RedisSessionManager, request: Request) -> None:
    await sessions.verify_visit(request.cookies.get(VISIT_COOKIE, ""))
