"""Routes about many requests at once, and about probes of queues."""

from fastapi import APIRouter, BackgroundTasks

from api.desk import AtDesk
from api.documents import BatchBody, BatchDocument, ProbesBody
from api.tracing import TraceId
from strongroom.backup.batches import ProbeRequest, request_batch

router = APIRouter(tags=["batches"])


@router.post("/batches", status_code=202)
def start_batch(desk: AtDesk, body: BatchBody, trace_id: TraceId, background: BackgroundTasks) -> BatchDocument:
    """Queue up to 1,000 backups, verifications and probes in one transaction: all of them or none.

    Each item has an idempotency key of its own. A refusal names every item that is wrong by its place.
    """
    requests = [item.as_request(trace_id) for item in body.items]
    return desk.accept_many(request_batch(desk.services, requests), background)


@router.post("/probes", status_code=202)
def start_probes(desk: AtDesk, body: ProbesBody, trace_id: TraceId, background: BackgroundTasks) -> BatchDocument:
    """Queue a job that does nothing but show the way through each queue; the times are those of the jobs."""
    requests = [ProbeRequest(queue, None, trace_id) for queue in body.queues]
    return desk.accept_many(request_batch(desk.services, requests), background)
