"""Routes about jobs: look, follow, cancel, pause, resume."""

import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.desk import AtDesk, Cursor, Limit
from api.documents import JobDocument, PageDocument
from api.following import follow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.kinds import JobKind

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("")
def show_jobs(
    desk: AtDesk,
    state: JobState | None = None,
    kind: JobKind | None = None,
    source: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageDocument[JobDocument]:
    """List jobs, newest first."""
    page = desk.services.ledger.list(state=state, kind=kind, source=source, limit=limit, cursor=cursor)
    return PageDocument.of(page, JobDocument)


def get_job(desk: AtDesk, job_id: uuid.UUID) -> Job:
    """Return the job a path names; raises JobNotFoundError."""
    return desk.services.ledger.get(job_id)


NamedJob = Annotated[Job, Depends(get_job)]


@router.get("/{job_id}")
def show_job(job: NamedJob) -> JobDocument:
    """Show a job: its state, its progress, and its result or error."""
    return JobDocument.model_validate(job)


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(desk: AtDesk, job_id: uuid.UUID) -> JobDocument:
    """Cancel a waiting job now, a running one at its next check."""
    return JobDocument.model_validate(desk.services.ledger.request_cancel(job_id))


@router.post("/{job_id}/pause", status_code=202)
def pause_job(desk: AtDesk, job_id: uuid.UUID) -> JobDocument:
    """Pause a waiting job now, a running one at its next check; it keeps what it has done."""
    return JobDocument.model_validate(desk.services.ledger.request_pause(job_id))


@router.post("/{job_id}/resume", status_code=202)
def resume_job(desk: AtDesk, job_id: uuid.UUID, response: Response, background: BackgroundTasks) -> JobDocument:
    """Queue a paused job again; one that has not paused yet goes on."""
    return desk.accept(desk.services.ledger.resume(job_id), response, background)


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def follow_job(
    desk: AtDesk, job: NamedJob, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: a `state` or `progress` event, with the whole job, per change; the last one has the final state."""
    async for event in follow(desk.services.ledger, job, last_event_id):
        yield event
