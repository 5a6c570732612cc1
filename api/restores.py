"""Routes about restores."""

import uuid

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import JobDocument, PageDocument, RestoreBody, RestoreDocument
from api.tracing import TraceId
from strongroom.backup.requests import request_plan, request_restore
from strongroom.catalog.backup_queries import get_restore, list_restores

router = APIRouter(prefix="/restores", tags=["restores"])


@router.post("", status_code=202)
def start_restore(
    desk: AtDesk,
    body: RestoreBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a restore of a backup, into an empty target unless its name is confirmed."""
    restore = request_restore(desk.services, body.with_key(key, trace_id))
    return desk.accept(desk.services.ledger.get(restore.id), response, background)


@router.post("/plan", status_code=202)
def start_plan(
    desk: AtDesk,
    body: RestoreBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a look at what a restore would do; the job's result says it, and nothing is written."""
    return desk.accept(request_plan(desk.services, body.with_key(key, trace_id)), response, background)


@router.get("")
def show_restores(
    desk: AtDesk, backup: uuid.UUID | None = None, limit: Limit = 50, cursor: Cursor = None
) -> PageDocument[RestoreDocument]:
    """List restores, newest first."""
    with desk.services.catalog.read() as session:
        return PageDocument.of(list_restores(session, backup_id=backup, limit=limit, cursor=cursor), RestoreDocument)


@router.get("/{restore_id}")
def show_restore(desk: AtDesk, restore_id: uuid.UUID) -> RestoreDocument:
    """Show a restore."""
    with desk.services.catalog.read() as session:
        return RestoreDocument.model_validate(get_restore(session, restore_id))
