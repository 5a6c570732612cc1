"""Whether the process lives, has begun and can work. Routes without a token; they name no host and no version."""

import asyncio
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from api.checks import CATALOG, SECONDS_A_PART, Checks, Health
from api.documents import CheckDocument, HealthDocument
from api.gate import Gate, bearer, name_operation
from api.witnessing import witness
from strongroom import __version__
from strongroom.errors import StrongroomError

router = APIRouter(prefix="/health", tags=["health"])
UNAVAILABLE = 503

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@router.get("/live", response_model_exclude_none=True)
async def live() -> HealthDocument:
    """Answer without looking at anything: a database that is away is no reason to restart this process."""
    return HealthDocument(status=Health.PASS)


@router.get("/ready", response_model_exclude_none=True, responses={503: {"model": HealthDocument}})
async def ready(request: Request, response: Response, credentials: Credentials) -> HealthDocument:
    """Say whether work can be done, and what fails or is away; 503 where nothing can be done without it."""
    checks: Checks = request.app.state.checks
    found = await checks.look()
    if found.health is Health.FAIL:
        response.status_code = UNAVAILABLE
    parts = {name: CheckDocument(status=health) for name, health in found.parts.items()}
    # With a catalog that hangs, whoever shows a token would wait for it.
    known = credentials if found.parts.get(CATALOG) is Health.PASS else None
    return HealthDocument(status=found.health, checks=parts, version=await _version_for(request, known))


@router.get("/startup", response_model_exclude_none=True, responses={503: {"model": HealthDocument}})
async def startup(request: Request, response: Response) -> HealthDocument:
    """Say whether the process could do its work once since it was started."""
    checks: Checks = request.app.state.checks
    if await checks.has_begun():
        return HealthDocument(status=Health.PASS)
    response.status_code = UNAVAILABLE
    return HealthDocument(status=Health.FAIL)


async def _version_for(request: Request, credentials: HTTPAuthorizationCredentials | None) -> str | None:
    """Return the version for whoever shows a token that is good; what is wrong with it is nobody's business here."""
    if credentials is None:
        return None
    gate: Gate = request.app.state.gate
    address = None if request.client is None else request.client.host
    name_operation(gate.operation_of(request), request)
    try:
        async with asyncio.timeout(SECONDS_A_PART):
            await run_sync(gate.identify, credentials.credentials, address, abandon_on_cancel=True)
    except TimeoutError:
        return None
    except StrongroomError as error:
        # Nobody tries tokens here without a trace.
        witness(request, error)
        return None
    return __version__
