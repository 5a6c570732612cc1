"""Routes about key slots under new versions of regions' keys."""

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, IdempotencyKey
from api.documents import JobDocument
from api.tracing import TraceId
from api.upkeep_documents import RotationBody
from strongroom.upkeep.rotating import RotationRequest, request_rotation

router = APIRouter(prefix="/rotations", tags=["rotations"])


@router.post("", status_code=202)
def start_rotation(
    desk: AtDesk,
    body: RotationBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue new key slots under the current version of a region's key, which was made in its KMS or key file before."""
    request = RotationRequest(body.region, remove_old=False, trace_id=trace_id, idempotency_key=key)
    return desk.accept(request_rotation(desk.services, request), response, background)
