"""Routes about restores."""

import uuid
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import JobDocument, PageDocument, RestoreBody, RestoreDocument
from api.step_up import AtPermits
from api.tracing import TraceId
from strongroom.audit.acting import name_act
from strongroom.audit.events import AuditAction
from strongroom.backup.restore_requests import RestoreRequest, request_plan, request_restore
from strongroom.backup.targets import place_of, verify_overwrite
from strongroom.catalog.backup_queries import get_restore, list_restores
from strongroom.stepup.acts import Act

router = APIRouter(prefix="/restores", tags=["restores"])


def read_request(body: RestoreBody, trace_id: TraceId, key: IdempotencyKey = None) -> RestoreRequest:
    """Return the restore that a request asks for."""
    return body.with_key(key, trace_id)


Wanted = Annotated[RestoreRequest, Depends(read_request)]


@router.post("", status_code=202)
def start_restore(
    desk: AtDesk, wanted: Wanted, permits: AtPermits, response: Response, background: BackgroundTasks
) -> JobDocument:
    """Queue a restore of a backup into an empty target, or over one whose name is confirmed, with a step-up."""
    verify_overwrite(wanted.target, overwrite=wanted.overwrite, confirm=wanted.confirm)
    name_act(AuditAction.SENSITIVE_READ)
    act = Act("restore.overwrite", place_of(wanted.target), wanted.backup)
    with permits.permit(act, needed=wanted.overwrite):
        restore = request_restore(desk.services, wanted)
    return desk.accept(desk.services.ledger.get(restore.id), response, background)


@router.post("/plan", status_code=202)
def start_plan(desk: AtDesk, wanted: Wanted, response: Response, background: BackgroundTasks) -> JobDocument:
    """Queue a look at what a restore would do; the job's result says it, and nothing is written."""
    return desk.accept(request_plan(desk.services, wanted), response, background)


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
