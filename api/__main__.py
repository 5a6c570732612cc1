"""`python -m api` serves the API; `python -m api encryptor` and `python -m api peer` the faces of the key provider."""

import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from api.app import create_app
from api.encryptor.process import make_encryptor_server
from api.malformed import ProblemHttp
from api.metrics_face import make_metrics_server
from api.peer.process import make_peer_server
from strongroom.catalog.schema import verify_schema
from strongroom.errors import StrongroomError
from strongroom.jobs.processes import ProcessIdentity, ProcessKind
from strongroom.keysync.images import leave_no_image
from strongroom.logs.starting import start_log
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import Settings, process_environment
from strongroom.settings.ignored import find_ignored
from strongroom.spans.starting import start_spans, stop_spans
from worker.app import app as celery_app
from worker.publisher import Publisher
from worker.settings import read_settings

log = logging.getLogger("api")
SECONDS_FOR_OPEN_STREAMS = 3
STARTUP_FAILURE = 3


def main(arguments: list[str]) -> None:
    """Serve until the process is asked to end; with wrong settings or an outdated catalog, say so and end."""
    face = arguments[0] if arguments else "operators"
    if face not in FACES or len(arguments) > 1:
        sys.exit(f"There is no such face. Faces: {', '.join(FACES)}.")
    if face in HOLDING_KEYS:
        leave_no_image()
    try:
        settings = read_settings()
        start_log(SERVICES[face], log_level(face, settings), settings.logs.format)
        if settings.spans.exported:
            start_spans(settings.spans.service_name or SERVICES[face])
        runtime = build_runtime(settings)
        verify_schema(runtime.catalog.engine)
        server = FACES[face](runtime)
    except StrongroomError as error:
        sys.exit(str(error))
    _settle_memory()
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        stop_spans()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def log_level(face: str, settings: Settings) -> str:
    """Return the least that is logged: a key provider may have asked for something else than the other processes."""
    own = settings.skip.log_level if settings.skip is not None and face in HOLDING_KEYS else None
    return settings.logs.level if own is None else own.upper()


def _settle_memory() -> None:
    """Have what was loaded never looked through for garbage again: all would wait for that, a tenth of a second."""
    gc.collect()
    gc.freeze()


def make_operators_server(runtime: Runtime) -> uvicorn.Server:
    """Put the API for operators together; says in the log which variables are set in vain."""
    for warning in find_ignored(process_environment()):
        log.warning(warning)
    host = socket.gethostname()
    identity = ProcessIdentity(f"api@{host}", ProcessKind.API, host, os.getpid(), runtime.clock.now())
    publisher = Publisher(celery_app)
    config = uvicorn.Config(
        create_app(runtime, publisher, identity, publisher.verify),
        host=runtime.settings.api.host,
        port=runtime.settings.api.port,
        loop="uvloop",
        http=ProblemHttp,
        server_header=False,
        # Its lines go where all others go, and `api.tracing` writes one for each request.
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SECONDS_FOR_OPEN_STREAMS,
    )
    return uvicorn.Server(config)


FACES: dict[str, Callable[[Runtime], uvicorn.Server]] = {
    "operators": make_operators_server,
    "encryptor": make_encryptor_server,
    "peer": make_peer_server,
    "metrics": make_metrics_server,
}
SERVICES = {"operators": "api", "encryptor": "encryptor-face", "peer": "peer-face", "metrics": "metrics-face"}
HOLDING_KEYS = {"encryptor", "peer"}


if __name__ == "__main__":
    main(sys.argv[1:])
