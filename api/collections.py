"""Routes about garbage in regions."""

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, IdempotencyKey
from api.documents import JobDocument
from api.tracing import TraceId
from api.upkeep_documents import CollectionBody
from strongroom.retention.collecting import CollectionRequest, request_collection

router = APIRouter(prefix="/collections", tags=["collections"])


@router.post("", status_code=202)
def start_collection(
    desk: AtDesk,
    body: CollectionBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a look for garbage in one region; the job's result says what was found and what was deleted."""
    request = CollectionRequest(body.region, body.apply, body.max_share_percent, key, trace_id)
    return desk.accept(request_collection(desk.services, request), response, background)
