"""The heartbeat of the API, and its schema check, while the application runs."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from strongroom.audit.refusals import RefusalLog
from strongroom.catalog.session import Catalog
from strongroom.errors import UnavailableError
from strongroom.jobs.processes import ProcessIdentity, forget_process, record_heartbeat

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
LAST_SECONDS = 5.0
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def writing_refusals(refusals: RefusalLog, inside: Lifespan) -> Lifespan:
    """Return a lifespan that writes at its end what refusals still wait."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with inside(app):
            yield
        await _do_last(refusals.close, "refusals that wait")

    return lifespan


def beating(catalog: Catalog, identity: ProcessIdentity | None) -> Lifespan:
    """Return the lifespan of an application that writes heartbeats under this identity, or none without one."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if identity is None:
            yield
            return
        task = asyncio.create_task(_beat_until_cancelled(catalog, identity))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _do_last(partial(_forget, catalog, identity), "the end of this process")

    return lifespan


async def _beat_until_cancelled(catalog: Catalog, identity: ProcessIdentity) -> None:
    while True:
        try:
            await run_in_threadpool(_beat, catalog, identity)
        except UnavailableError as error:
            log.warning("no heartbeat: %s", error.what)
        await asyncio.sleep(HEARTBEAT_SECONDS)


async def _do_last(write: Callable[[], None], what: str) -> None:
    """Write something when the application ends, unless the catalog hangs: then the process ends all the same."""
    # One of the loop's own threads would keep the process until it returns.
    thread = threading.Thread(target=write, name=f"write {what}", daemon=True)
    thread.start()
    await run_in_threadpool(thread.join, LAST_SECONDS)
    if thread.is_alive():
        log.warning("the catalog does not answer: %s may not have been written down", what)


def _beat(catalog: Catalog, identity: ProcessIdentity) -> None:
    with catalog.begin() as session:
        record_heartbeat(session, identity)


def _forget(catalog: Catalog, identity: ProcessIdentity) -> None:
    with suppress(UnavailableError), catalog.begin() as session:
        forget_process(session, identity.name)
