"""Routes about what is kept and what goes."""

import uuid
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import JobDocument, PageDocument
from api.gate import Caller
from api.retention_documents import (
    ApprovalBody,
    ExpiriesDocument,
    ExpiryDocument,
    RetentionEventDocument,
    RetentionPlanDocument,
    RetentionPlansDocument,
    RetirementBody,
    SweepBody,
)
from api.step_up import AtPermits
from api.tracing import TraceId
from strongroom.catalog.retention import get_expiry, list_events, list_expiries
from strongroom.retention.deciding import Approval, approve
from strongroom.retention.planning import make_plan
from strongroom.retention.reporting import expiry_document, plan_document
from strongroom.retention.retiring import retire
from strongroom.retention.sweeping import SweepRequest, deletes_more, request_sweep
from strongroom.stepup.acts import Act

router = APIRouter(prefix="/retention", tags=["retention"])


@router.get("/plan")
def show_plan(desk: AtDesk, source: str | None = None, every: bool = False) -> RetentionPlansDocument:  # noqa: FBT001, FBT002 - query parameters
    """Say which backups go, and what is in the way; with `every` also which stay and why. Writes nothing."""
    plans = make_plan(desk.services, source=source)
    return RetentionPlansDocument(
        items=[RetentionPlanDocument.model_validate(plan_document(plan, every=every)) for plan in plans]
    )


def read_sweep(body: SweepBody, caller: Caller, trace_id: TraceId, key: IdempotencyKey = None) -> SweepRequest:
    """Return the run that a request asks for."""
    return SweepRequest(body.apply, body.source, body.max_share_percent, body.confirm, caller.signature, key, trace_id)


@router.post("/runs", status_code=202)
def start_run(
    desk: AtDesk,
    wanted: Annotated[SweepRequest, Depends(read_sweep)],
    permits: AtPermits,
    response: Response,
    background: BackgroundTasks,
) -> JobDocument:
    """Queue a run that deletes what nothing keeps, or only reports it; more than usual goes with a step-up."""
    act = Act("retention.delete_more", wanted.source or "", str(wanted.max_share_percent))
    with permits.permit(act, needed=deletes_more(desk.services.settings, wanted)):
        job = request_sweep(desk.services, wanted)
    return desk.accept(job, response, background)


@router.post("/approvals")
def approve_policy(desk: AtDesk, body: ApprovalBody, caller: Caller, permits: AtPermits) -> RetentionPlanDocument:
    """Let the shorter policy in the settings hold for a source."""
    with permits.permit(Act("retention.shorten", body.source)):
        plan = approve(desk.services, Approval(body.source, body.confirm, caller.signature))
    return RetentionPlanDocument.model_validate(plan_document(plan, every=False))


@router.post("/expiries", status_code=201)
def retire_backup(desk: AtDesk, body: RetirementBody, caller: Caller, permits: AtPermits) -> ExpiryDocument:
    """Give a backup up before its policy does: its keys are destroyed in every region that answers."""
    with permits.permit(Act("backup.retire", body.confirm or "", body.backup)):
        backup, _ = retire(desk.services, body.backup, confirm=body.confirm, by=caller.signature, reason=body.reason)
    return show_expiry(desk, backup.id)


@router.get("/expiries")
def show_expiries(
    desk: AtDesk, source: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> ExpiriesDocument:
    """List backups that have expired, newest first."""
    with desk.services.catalog.read() as session:
        page = list_expiries(session, source=source, limit=limit, cursor=cursor)
        items = [ExpiryDocument.model_validate(expiry_document(session, one)) for one in page.items]
    return ExpiriesDocument(items=items, next_cursor=page.next_cursor)


@router.get("/expiries/{backup_id}")
def show_expiry(desk: AtDesk, backup_id: uuid.UUID) -> ExpiryDocument:
    """Show how far the end of a backup has come, and its receipt."""
    with desk.services.catalog.read() as session:
        return ExpiryDocument.model_validate(expiry_document(session, get_expiry(session, backup_id)))


@router.get("/events")
def show_events(
    desk: AtDesk, source: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> PageDocument[RetentionEventDocument]:
    """List who held, released, approved or expired what, newest first."""
    with desk.services.catalog.read() as session:
        page = list_events(session, source=source, limit=limit, cursor=cursor)
        return PageDocument.of(page, RetentionEventDocument)
