"""The API for operators, as one process serves it."""

import gc
import logging
import os
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.malformed import ProblemHttp
from strongroom.jobs.processes import ProcessIdentity, ProcessKind
from strongroom.runtime import Runtime
from strongroom.settings import process_environment
from strongroom.settings.ignored import find_ignored
from worker.app import app as celery_app
from worker.publisher import Publisher

log = logging.getLogger("api")
SECONDS_FOR_OPEN_STREAMS = 3


def make_operators_server(runtime: Runtime) -> uvicorn.Server:
    """Put the only process of the API together."""
    warn_of_ignored()
    return uvicorn.Server(uvicorn.Config(make_operators_app(runtime, 1), **server_options(runtime)))


def make_operators_app(runtime: Runtime, number: int) -> FastAPI:
    """Put the application together; `number` tells the processes of the API on one host apart."""
    host = socket.gethostname()
    name = f"api@{host}" if number == 1 else f"api-{number}@{host}"
    identity = ProcessIdentity(name, ProcessKind.API, host, os.getpid(), runtime.clock.now())
    publisher = Publisher(celery_app)
    return create_app(runtime, publisher, identity, publisher.verify)


def server_options(runtime: Runtime) -> dict[str, Any]:
    """Return how the API is served, in however many processes."""
    return {
        "host": runtime.settings.api.host,
        "port": runtime.settings.api.port,
        "loop": "uvloop",
        "http": ProblemHttp,
        "server_header": False,
        # Its lines go where all others go, and `api.tracing` writes one for each request.
        "log_config": None,
        "access_log": False,
        "timeout_graceful_shutdown": SECONDS_FOR_OPEN_STREAMS,
    }


def warn_of_ignored() -> None:
    """Say in the log which variables are set in vain."""
    for warning in find_ignored(process_environment()):
        log.warning(warning)


def settle_memory() -> None:
    """Have what was loaded never looked through for garbage again: all would wait for that, a tenth of a second."""
    gc.collect()
    gc.freeze()
