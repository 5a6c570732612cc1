"""Routes about verifications."""

import uuid

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import JobDocument, PageDocument, VerificationBody, VerificationDocument
from api.tracing import TraceId
from strongroom.backup.requests import VerificationRequest, request_verification
from strongroom.catalog.backup_queries import get_verification, list_verifications

router = APIRouter(prefix="/verifications", tags=["verifications"])


@router.post("", status_code=202)
def start_verification(
    desk: AtDesk,
    body: VerificationBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a check of one region's copy of a backup."""
    request = VerificationRequest(body.backup, body.region, body.level, key, trace_id, body.deadline_seconds)
    verification = request_verification(desk.services, request)
    return desk.accept(desk.services.ledger.get(verification.id), response, background)


@router.get("")
def show_verifications(
    desk: AtDesk, backup: uuid.UUID | None = None, limit: Limit = 50, cursor: Cursor = None
) -> PageDocument[VerificationDocument]:
    """List verifications, newest first."""
    with desk.services.catalog.read() as session:
        page = list_verifications(session, backup_id=backup, limit=limit, cursor=cursor)
        return PageDocument.of(page, VerificationDocument)


@router.get("/{verification_id}")
def show_verification(desk: AtDesk, verification_id: uuid.UUID) -> VerificationDocument:
    """Show a verification."""
    with desk.services.catalog.read() as session:
        return VerificationDocument.model_validate(get_verification(session, verification_id))
