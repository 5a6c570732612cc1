"""Routes about queues: look, pause, resume."""

from fastapi import APIRouter

from api.desk import AtDesk, Desk
from api.documents import PauseBody, QueueDocument
from api.gate import Caller
from strongroom.audit.acting import describe
from strongroom.jobs.kinds import Queue
from strongroom.jobs.queues import list_queues, pause_queue, resume_queue

router = APIRouter(prefix="/queues", tags=["queues"])


@router.get("")
def show_queues(desk: AtDesk) -> list[QueueDocument]:
    """List the queues: how many jobs wait in each and run from it, and which are paused."""
    with desk.services.catalog.read() as session:
        return [QueueDocument.model_validate(queue) for queue in list_queues(session)]


@router.post("/{queue}/pause")
def pause(desk: AtDesk, queue: Queue, body: PauseBody, caller: Caller) -> QueueDocument:
    """Let no further job of the queue begin; those that run go on."""
    describe(reason=body.reason)
    with desk.services.catalog.begin() as session:
        pause_queue(session, queue, by=caller.signature, reason=body.reason)
    return _show(desk, queue)


@router.post("/{queue}/resume")
def resume(desk: AtDesk, queue: Queue) -> QueueDocument:
    """Let the jobs of the queue begin again."""
    with desk.services.catalog.begin() as session:
        resume_queue(session, queue)
    return _show(desk, queue)


def _show(desk: Desk, queue: Queue) -> QueueDocument:
    return next(document for document in show_queues(desk) if document.queue is queue)
