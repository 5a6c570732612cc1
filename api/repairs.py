"""Routes about repairs of copies."""

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, IdempotencyKey
from api.documents import JobDocument
from api.tracing import TraceId
from api.upkeep_documents import RepairBody
from strongroom.upkeep.repairing import RepairRequest, request_repair

router = APIRouter(prefix="/repairs", tags=["repairs"])


@router.post("", status_code=202)
def start_repair(
    desk: AtDesk,
    body: RepairBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a look at one region's copy, and with `apply` its repair; the job's result names what is lost."""
    request = RepairRequest(body.backup, body.region, body.apply, key, trace_id)
    return desk.accept(request_repair(desk.services, request), response, background)
