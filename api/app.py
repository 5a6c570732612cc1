"""The application: routes behind one gate, errors as problems, ids on every answer."""

from fastapi import APIRouter, Depends, FastAPI

from api import (
    alerts,
    backups,
    batches,
    channels,
    collections,
    drills,
    health,
    holds,
    jobs,
    queues,
    reencryptions,
    region_verifications,
    repairs,
    restores,
    retention,
    rotations,
    schedules,
    silences,
    sources,
    standbys,
    status,
    verifications,
)
from api.body_limit import BodyLimit
from api.desk import Desk
from api.gate import require_token
from api.problems import PROBLEM_RESPONSES, answer_errors
from api.signs_of_life import beating
from api.tracing import TraceHeaders
from strongroom import __version__
from strongroom.jobs.outbox import Publish
from strongroom.jobs.processes import ProcessIdentity
from strongroom.runtime import Runtime

MAX_BODY_BYTES = 1 << 20
ROOMS = (
    backups,
    batches,
    restores,
    verifications,
    region_verifications,
    repairs,
    rotations,
    reencryptions,
    collections,
    drills,
    retention,
    holds,
    jobs,
    queues,
    alerts,
    silences,
    channels,
    schedules,
    sources,
    standbys,
)


def create_app(runtime: Runtime, publish: Publish, identity: ProcessIdentity | None = None) -> FastAPI:
    """Put the API together; raises SecretMissingError where there is no service token.

    With an identity, the application writes a heartbeat of that name while it runs.
    """
    app = FastAPI(
        title="Strongroom",
        version=__version__,
        lifespan=beating(runtime.catalog, identity),
        # The built-in pages would be open to everybody; /openapi.json is served behind the gate instead.
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.desk = Desk(runtime.services(), publish)
    app.state.token = runtime.settings.require_api_token()
    app.add_middleware(BodyLimit, most=MAX_BODY_BYTES)
    app.add_middleware(TraceHeaders, random=runtime.random)
    answer_errors(app)
    app.include_router(health.router)
    app.include_router(_behind_the_gate())
    return app


def _behind_the_gate() -> APIRouter:
    gated = APIRouter(dependencies=[Depends(require_token)], responses=PROBLEM_RESPONSES)
    for room in ROOMS:
        gated.include_router(room.router, prefix="/v1")
    gated.include_router(status.router)
    return gated
