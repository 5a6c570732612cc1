"""Server-sent events about one job, made by looking at its row: any process may have changed it."""

import hashlib
import logging
from collections.abc import AsyncIterator

import anyio
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.documents import JobDocument
from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.errors import UnavailableError
from strongroom.jobs.ledger import Ledger

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


async def follow(ledger: Ledger, job: Job, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    """Yield an event whenever the job has changed, until it has a final state, which always ends the stream.

    An event's id is a digest of what it shows, so a client that comes back is told only what it has not seen.
    """
    seen, state = last_event_id, None
    while True:
        document = JobDocument.model_validate(job)
        shown = document.model_dump_json()
        event_id = hashlib.sha256(shown.encode()).hexdigest()[:16]
        final = job.state in FINAL_STATES
        if event_id != seen or final:
            name = "progress" if job.state is state else "state"
            yield ServerSentEvent(raw_data=shown, event=name, id=event_id)
        if final:
            return
        seen, state = event_id, job.state
        await anyio.sleep(POLL_SECONDS)
        job = await _look_again(ledger, job)


async def _look_again(ledger: Ledger, job: Job) -> Job:
    try:
        return await run_in_threadpool(ledger.get, job.id)
    except UnavailableError as error:
        log.warning("job %s is followed without the catalog: %s", job.id, error.what)
        return job
