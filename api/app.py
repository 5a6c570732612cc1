"""The application: routes behind one gate, errors as problems, ids on every answer."""

import logging

from fastapi import APIRouter, Depends, FastAPI

from api import (
    alerts,
    audit,
    backups,
    batches,
    channels,
    collections,
    drills,
    health,
    holds,
    jobs,
    metrics,
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
    step_up,
    tokens,
    traces,
    verifications,
)
from api.auth import login, mfa
from api.auth.opening import open_logins
from api.body_limit import BodyLimit
from api.catalog_patience import CatalogPatience
from api.checks import Ask, open_checks
from api.client import pages
from api.client.board import Board
from api.desk import Desk
from api.gate import Gate, announce, pass_gate
from api.metrics import count_requests
from api.problems import PROBLEM_RESPONSES, answer_errors
from api.scraping import ScrapeToken
from api.sessions import routes as one_time_sessions
from api.sessions.access_log import hide_session_ids
from api.sessions.setting_up import closing, open_sessions
from api.signs_of_life import beating, writing_refusals
from api.tracing import NO_TELEMETRY, TraceHeaders
from api.witnessing import Acts
from strongroom import __version__
from strongroom.audit.refusals import RefusalLog
from strongroom.jobs.outbox import Publish
from strongroom.jobs.processes import ProcessIdentity
from strongroom.runtime import Runtime
from strongroom.settings import process_environment
from strongroom.stepup.opening import open_step_ups

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
    audit,
    schedules,
    sources,
    standbys,
    step_up,
    tokens,
    traces,
)


def create_app(
    runtime: Runtime, publish: Publish, identity: ProcessIdentity | None = None, ask_broker: Ask | None = None
) -> FastAPI:
    """Put the API together; raises KeyError for a route that the table of operations does not have.

    With an identity, the application writes a heartbeat of that name while it runs. `ask_broker` raises where the
    broker is away.
    """
    sessions = open_sessions(runtime.settings, runtime.catalog, runtime.clock, runtime.random)
    refusals = RefusalLog(runtime.catalog, runtime.clock)
    app = FastAPI(
        title="Strongroom",
        version=__version__,
        lifespan=closing(sessions, writing_refusals(refusals, beating(runtime.catalog, identity))),
        # The built-in pages would be open to everybody; /openapi.json is served behind the gate instead.
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
    )
    app.state.desk = Desk(runtime.services(), publish)
    app.state.sessions = sessions
    app.state.board = Board(app.state.desk.services)
    hide_session_ids(logging.getLogger("uvicorn.access"))
    app.state.refusals = refusals
    operators = app.state.operators = open_logins(app.state.desk.services, refusals.add)
    app.state.step_ups = open_step_ups(app.state.desk.services, operators.codes)
    app.state.patience = CatalogPatience(runtime.catalog, runtime.clock)
    gate = app.state.gate = Gate(runtime.catalog, runtime.clock, operators.sessions.authenticate)
    gate.scrape_token = ScrapeToken(runtime.settings.metrics.token, process_environment())
    count_requests(app, runtime, sessions)
    open_checks(app, runtime, sessions, ask_broker)
    app.add_middleware(BodyLimit, most=MAX_BODY_BYTES)
    app.add_middleware(Acts)
    app.add_middleware(TraceHeaders, random=runtime.random)
    answer_errors(app)
    _include_routes(app)
    gate.learn(app)
    return app


def _include_routes(app: FastAPI) -> None:
    # Routes are looked for in this order, and within another router twice: those that are asked for most come first.
    app.include_router(health.router)
    _include_behind_the_gate(app, one_time_sessions.gated)
    announced = [Depends(announce)]
    for room in (one_time_sessions, pages):
        app.include_router(room.router, dependencies=announced)
    app.include_router(login.public, dependencies=announced, responses=PROBLEM_RESPONSES)
    for own in (login.router, mfa.router, status.router, metrics.router):
        _include_behind_the_gate(app, own)
    for one in ROOMS:
        _include_behind_the_gate(app, one.router, "/v1")


def _include_behind_the_gate(app: FastAPI, router: APIRouter, prefix: str = "") -> None:
    app.include_router(router, prefix=prefix, dependencies=[Depends(pass_gate)], responses=PROBLEM_RESPONSES)
