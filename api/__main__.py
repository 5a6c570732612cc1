"""`python -m api` serves the API; `python -m api encryptor` and `python -m api peer` the faces of the key provider."""

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from api.encryptor.process import make_encryptor_server
from api.metrics_face import make_metrics_server
from api.operators import make_operators_server, settle_memory
from api.peer.process import make_peer_server
from api.processes import SERVICE, serve_in_processes
from strongroom.catalog.schema import verify_schema
from strongroom.errors import StrongroomError
from strongroom.keysync.images import leave_no_image
from strongroom.logs.starting import start_log
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import Settings
from strongroom.spans.starting import start_spans, stop_spans
from worker.settings import read_settings

STARTUP_FAILURE = 3
OPERATORS = "operators"
MOST_PROCESSES = 64


def main(arguments: list[str]) -> None:
    """Serve until the process is asked to end; with wrong settings or an outdated catalog, say so and end."""
    options = _options(arguments)
    face: str = options.face
    if face in HOLDING_KEYS:
        leave_no_image()
    try:
        settings = read_settings()
        processes = options.processes or settings.api.processes
        start_log(SERVICES[face], log_level(face, settings), settings.logs.format)
        alone = face != OPERATORS or processes == 1
        if alone and settings.spans.exported:
            start_spans(settings.spans.service_name or SERVICES[face])
        runtime = build_runtime(settings)
        verify_schema(runtime.catalog.engine)
        if not alone:
            serve_in_processes(runtime, processes)
            return
        server = FACES[face](runtime)
    except StrongroomError as error:
        sys.exit(str(error))
    _serve(server)


def _serve(server: uvicorn.Server) -> None:
    settle_memory()
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        stop_spans()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m api", description="Serve the API, or another face.")
    parser.add_argument("face", nargs="?", choices=tuple(FACES), default=OPERATORS)
    parser.add_argument(
        "--processes", type=int, metavar="N", help="processes of the API; by default what `[api]` says, else 1"
    )
    options = parser.parse_args(arguments)
    if options.processes is not None:
        if options.face != OPERATORS:
            parser.error("only the API itself is served by several processes")
        if not 1 <= options.processes <= MOST_PROCESSES:
            parser.error(f"--processes takes 1 to {MOST_PROCESSES}")
    return options


def log_level(face: str, settings: Settings) -> str:
    """Return the least that is logged: a key provider may have asked for something else than the other processes."""
    own = settings.skip.log_level if settings.skip is not None and face in HOLDING_KEYS else None
    return settings.logs.level if own is None else own.upper()


FACES: dict[str, Callable[[Runtime], uvicorn.Server]] = {
    OPERATORS: make_operators_server,
    "encryptor": make_encryptor_server,
    "peer": make_peer_server,
    "metrics": make_metrics_server,
}
SERVICES = {OPERATORS: SERVICE, "encryptor": "encryptor-face", "peer": "peer-face", "metrics": "metrics-face"}
HOLDING_KEYS = {"encryptor", "peer"}


if __name__ == "__main__":
    main(sys.argv[1:])
