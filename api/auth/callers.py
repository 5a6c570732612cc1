"""Who calls a route of an operator's own: known by an access token, or by a token for enrolling where that will do."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials

from api.gate import bearer
from strongroom.access.allowing import verify_allowed
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import Principal
from strongroom.accounts.opening import Operators
from strongroom.accounts.tokens import refused


def get_operators(request: Request) -> Operators:
    """Return everything about operators of this process."""
    operators: Operators = request.app.state.operators
    return operators


AtOperators = Annotated[Operators, Depends(get_operators)]


def keep_nowhere(response: Response) -> None:
    """Have no cache keep an answer."""
    response.headers["Cache-Control"] = "no-store"


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return "unknown" if request.client is None else request.client.host


Address = Annotated[str, Depends(address_of)]


async def signed_in(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """Return the operator; raises TokenExpiredOrWrongError and PermissionDeniedError."""
    if credentials is None:
        raise refused()
    sessions = get_operators(request).sessions
    principal = await run_in_threadpool(sessions.authenticate, credentials.credentials)
    operation = OPERATIONS[f"{request.method} {request.url.path}"]
    verify_allowed(principal, operation, request.app.state.desk.services.clock.now())
    return principal


Caller = Annotated[Principal, Depends(signed_in)]
