"""`python -m api` serves the API on the address in the settings."""

import os
import socket
import sys

import uvicorn

from api.app import create_app
from strongroom.catalog.schema import verify_schema
from strongroom.errors import StrongroomError
from strongroom.jobs.processes import ProcessIdentity, ProcessKind
from strongroom.runtime import build_runtime
from worker.app import app as celery_app
from worker.publisher import Publisher
from worker.settings import read_settings

SECONDS_FOR_OPEN_STREAMS = 3


def main() -> None:
    """Serve until the process is asked to end; with wrong settings or an outdated catalog, say so and end."""
    try:
        runtime = build_runtime(read_settings())
        verify_schema(runtime.catalog.engine)
        host = socket.gethostname()
        identity = ProcessIdentity(f"api@{host}", ProcessKind.API, host, os.getpid(), runtime.clock.now())
        application = create_app(runtime, Publisher(celery_app), identity)
    except StrongroomError as error:
        sys.exit(str(error))
    uvicorn.run(
        application,
        host=runtime.settings.api.host,
        port=runtime.settings.api.port,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_FOR_OPEN_STREAMS,
    )


if __name__ == "__main__":
    main()
