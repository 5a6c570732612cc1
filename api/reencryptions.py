"""Routes about re-encryption: ask, look, pause, resume, cancel."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Path, Query, Response

from api.desk import AtDesk, Desk, Limit
from api.reencryption_documents import QuarantinedRowDocument, ReencryptionBody, ReencryptionDocument
from api.tracing import TraceId
from strongroom.catalog.reencryption import ReencryptionJob, ReencryptionState
from strongroom.rotation.campaigns import (
    ReencryptionRequest,
    cancel_reencryption,
    get_reencryption,
    list_reencryptions,
    open_jobs_of,
    pause_reencryption,
    request_reencryption,
    resume_reencryption,
)
from strongroom.rotation.quarantine import list_quarantined
from strongroom.rotation.status import describe_reencryption
from strongroom.rotation.wishing import find_target
from strongroom.services import Services

router = APIRouter(prefix="/reencryptions", tags=["reencryptions"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""Of a re-encryption, as the catalog counts them."""


@router.post("", status_code=202)
def start_reencryption(
    desk: AtDesk, body: ReencryptionBody, trace_id: TraceId, response: Response, background: BackgroundTasks
) -> ReencryptionDocument:
    """Queue the re-encryption of a column with the active key; while one is open for the column, 409."""
    target = find_target(desk.services.settings, body.wish())
    request = ReencryptionRequest(target, body.pace(), trace_id, dry_run=body.dry_run)
    number = request_reencryption(desk.services, request).id
    response.headers["Location"] = f"/v1/reencryptions/{number}"
    return _handed_over(desk, number, background)


@router.get("")
def show_reencryptions(
    desk: AtDesk,
    state: ReencryptionState | None = None,
    limit: Limit = 50,
) -> list[ReencryptionDocument]:
    """List re-encryptions, newest first."""
    with desk.services.catalog.begin() as session:
        jobs = list_reencryptions(session, state=state, limit=limit)
        return [ReencryptionDocument.of(job, describe_reencryption(session, job)) for job in jobs]


@router.get("/quarantine")
def show_quarantine(
    desk: AtDesk,
    place: Annotated[str | None, Query(description="One column, as `database:schema.table.column`.")] = None,
    limit: Limit = 50,
) -> list[QuarantinedRowDocument]:
    """List rows that do not open and were left as they are."""
    with desk.services.catalog.read() as session:
        rows = list_quarantined(session, place, limit=limit)
        return [QuarantinedRowDocument.model_validate(row) for row in rows]


@router.get("/{number}")
def show_reencryption(desk: AtDesk, number: Number) -> ReencryptionDocument:
    """Show a re-encryption: its state, its progress, its speed and the time that is left."""
    with desk.services.catalog.begin() as session:
        job = get_reencryption(session, number)
        return ReencryptionDocument.of(job, describe_reencryption(session, job))


@router.post("/{number}/pause", status_code=202)
def pause(desk: AtDesk, number: Number) -> ReencryptionDocument:
    """Pause a re-encryption; ranges that are worked on now stop at their next check."""
    return _wished(desk, number, pause_reencryption)


@router.post("/{number}/cancel", status_code=202)
def cancel(desk: AtDesk, number: Number) -> ReencryptionDocument:
    """Cancel a re-encryption; what is converted stays so, and it can be resumed."""
    return _wished(desk, number, cancel_reencryption)


@router.post("/{number}/resume", status_code=202)
def resume(desk: AtDesk, number: Number, background: BackgroundTasks) -> ReencryptionDocument:
    """Go on with a re-encryption that was paused, cancelled or failed, each range where it was."""
    resume_reencryption(desk.services, number)
    return _handed_over(desk, number, background)


def _wished(desk: Desk, number: int, wish: Callable[[Services, int], ReencryptionJob]) -> ReencryptionDocument:
    wish(desk.services, number)
    return show_reencryption(desk, number)


def _handed_over(desk: Desk, number: int, background: BackgroundTasks) -> ReencryptionDocument:
    desk.accept_many(open_jobs_of(desk.services, number), background)
    return show_reencryption(desk, number)
