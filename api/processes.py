"""Several processes of the API behind one port: uvicorn starts them, looks after them and ends them together.

Each is started anew rather than forked, and has connections, a log, spans and a heartbeat of its own. One that dies or
hangs is replaced. What they count of requests they share through files.
"""

import fcntl
import itertools
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api.operators import make_operators_app, server_options, settle_memory, warn_of_ignored
from strongroom.errors import StrongroomError
from strongroom.logs.starting import start_log
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import process_environment
from strongroom.settings.environment import count_in
from strongroom.settings.metrics import MULTIPROCESS_DIRECTORY
from strongroom.spans.starting import start_spans, stop_spans
from worker.settings import read_settings

log = logging.getLogger("api")

SERVICE = "api"
SECONDS_UNTIL_IT_HANGS = 60
"""It has as long to be loaded, on a machine that is busy."""


def serve_in_processes(runtime: Runtime, number: int) -> None:
    """Serve until this process is asked to end; raises SystemExit where no process can begin."""
    warn_of_ignored()
    with tempfile.TemporaryDirectory(prefix="strongroom-api-") as folder:
        if MULTIPROCESS_DIRECTORY not in process_environment():
            count_in(folder)
        app = ServedApp(Path(folder))
        config = uvicorn.Config(
            app,
            factory=True,
            workers=number,
            timeout_worker_healthcheck=SECONDS_UNTIL_IT_HANGS,
            **server_options(runtime),
        )
        # The processes have catalogs of their own.
        runtime.close()
        processes = Multiprocess(config, sockets=[config.bind_socket()])
        processes.run()
    if any(process.exitcode == STARTUP_FAILURE for process in processes.processes):
        sys.exit(STARTUP_FAILURE)


@dataclass(frozen=True, slots=True)
class ServedApp:
    """Puts the application together in the process that serves it, which takes its number in `places`."""

    places: Path

    def __call__(self) -> FastAPI:
        """Return the application; raises SystemExit where that cannot be done now."""
        _end_with_parent()
        try:
            settings = read_settings()
            start_log(SERVICE, settings.logs.level, settings.logs.format)
            if settings.spans.exported:
                start_spans(settings.spans.service_name or SERVICE)
            app = _stopping_spans(make_operators_app(build_runtime(settings), take_number(self.places)))
        except StrongroomError as error:
            # Tried again at once, by another process: settings and catalog were well when the first ones began.
            sys.exit(str(error))
        settle_memory()
        return app


def _stopping_spans(app: FastAPI) -> FastAPI:
    """Have spans sent that wait when the application ends: the process ends by a signal, with nothing after it."""
    inside: Any = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[Mapping[str, Any]]:
        async with inside(app) as state:
            yield state
        await run_in_threadpool(stop_spans)

    app.router.lifespan_context = lifespan
    return app


def take_number(places: Path) -> int:
    """Return the lowest number that no living process has taken in a directory; this one has it until it ends."""
    for number in itertools.count(1):
        place = os.open(places / f"process-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(place)
        else:
            break
    return number


def _end_with_parent() -> None:
    """End in order where the parent was killed: nobody would look after this process, and it would keep the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def wait() -> None:
        multiprocessing.connection.wait([sentinel])
        log.error("process.orphaned: the process that started this one is gone; this one ends")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()
