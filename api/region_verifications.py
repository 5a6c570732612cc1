"""Routes about checks of whole regions."""

import uuid

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import JobDocument, PageDocument
from api.tracing import TraceId
from api.upkeep_documents import RegionVerificationBody, RegionVerificationDocument
from strongroom.catalog.region_verifications import get_region_verification, list_region_verifications
from strongroom.upkeep.verifying import RegionVerificationRequest, request_region_verification

router = APIRouter(prefix="/region-verifications", tags=["verifications"])


@router.post("", status_code=202)
def start_region_verification(
    desk: AtDesk,
    body: RegionVerificationBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a check of everything a region should hold."""
    request = RegionVerificationRequest(body.region, body.level, key, trace_id, body.deadline_seconds)
    verification = request_region_verification(desk.services, request)
    return desk.accept(desk.services.ledger.get(verification.id), response, background)


@router.get("")
def show_region_verifications(
    desk: AtDesk, region: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> PageDocument[RegionVerificationDocument]:
    """List checks of regions, newest first."""
    with desk.services.catalog.read() as session:
        page = list_region_verifications(session, region=region, limit=limit, cursor=cursor)
        return PageDocument.of(page, RegionVerificationDocument)


@router.get("/{verification_id}")
def show_region_verification(desk: AtDesk, verification_id: uuid.UUID) -> RegionVerificationDocument:
    """Show a check of a region."""
    with desk.services.catalog.read() as session:
        return RegionVerificationDocument.model_validate(get_region_verification(session, verification_id))
