"""`python -m api metrics`: metrics on a port of their own, without a token, for a Prometheus on the same machine."""

import uvicorn
from fastapi import FastAPI

from api import metrics
from api.malformed import ProblemHttp
from api.metrics import MetricsDesk
from api.problems import answer_errors
from api.sessions.setting_up import open_sessions
from api.tracing import NO_TELEMETRY, TraceHeaders
from strongroom.runtime import Runtime


def create_metrics_app(runtime: Runtime) -> FastAPI:
    """Put the face together; whoever reaches it may read."""
    app = FastAPI(title="Strongroom, metrics", openapi_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY)
    sessions = open_sessions(runtime.settings, runtime.catalog, runtime.clock, runtime.random)
    app.state.metrics = MetricsDesk(runtime, sessions)
    # A scrape every few seconds is not worth a line.
    app.add_middleware(TraceHeaders, random=runtime.random, logged=False)
    answer_errors(app)
    app.include_router(metrics.router)
    return app


def make_metrics_server(runtime: Runtime) -> uvicorn.Server:
    """Return the server of the face, on loopback unless the settings say otherwise."""
    own = runtime.settings.metrics
    config = uvicorn.Config(
        create_metrics_app(runtime),
        host=own.host,
        port=own.port,
        http=ProblemHttp,
        server_header=False,
        # Its lines go where all others go.
        log_config=None,
        access_log=False,
    )
    return uvicorn.Server(config)
