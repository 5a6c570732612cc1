"""Routes about restore drills."""

import uuid
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import JobDocument, PageDocument
from api.drill_documents import DrillBody, DrillDocument
from api.tracing import TraceId
from strongroom.catalog.drills import DrillState, get_drill, list_drills
from strongroom.drills.evidence import evidence
from strongroom.drills.requests import DrillRequest, request_drill

router = APIRouter(prefix="/drills", tags=["drills"])


@router.post("", status_code=202)
def start_drill(
    desk: AtDesk,
    body: DrillBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a restore for proof of one source."""
    request = DrillRequest(body.source, trace_id, body.backup, body.region, key, body.deadline_seconds)
    drill = request_drill(desk.services, request)
    return desk.accept(desk.services.ledger.get(drill.id), response, background)


@router.get("")
def show_drills(
    desk: AtDesk,
    source: str | None = None,
    state: DrillState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageDocument[DrillDocument]:
    """List drills, newest first."""
    with desk.services.catalog.read() as session:
        page = list_drills(session, source=source, state=state, limit=limit, cursor=cursor)
        return PageDocument.of(page, DrillDocument)


@router.get("/{drill_id}")
def show_drill(desk: AtDesk, drill_id: uuid.UUID) -> DrillDocument:
    """Show a drill."""
    with desk.services.catalog.read() as session:
        return DrillDocument.model_validate(get_drill(session, drill_id))


@router.get("/{drill_id}/evidence")
def show_evidence(desk: AtDesk, drill_id: uuid.UUID) -> dict[str, Any]:
    """Give what a decided drill did and found, as one document to keep."""
    with desk.services.catalog.read() as session:
        return evidence(get_drill(session, drill_id))
