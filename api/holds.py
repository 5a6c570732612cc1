"""Routes about holds."""

from fastapi import APIRouter

from api.desk import AtDesk, Cursor, Limit
from api.documents import PageDocument
from api.gate import Caller
from api.retention_documents import HoldBody, HoldDocument, ReleaseBody
from api.step_up import AtPermits
from strongroom.catalog.retention import list_holds
from strongroom.retention.holding import HoldRequest, add_hold, release_hold
from strongroom.stepup.acts import Act

router = APIRouter(prefix="/holds", tags=["retention"])


@router.get("")
def show_holds(
    desk: AtDesk,
    source: str | None = None,
    over: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageDocument[HoldDocument]:
    """List what is held, newest first; with `over` also what was."""
    now = desk.services.clock.now()
    with desk.services.catalog.read() as session:
        page = list_holds(session, now, source=source, over=over, limit=limit, cursor=cursor)
        return PageDocument.of(page, HoldDocument)


@router.post("", status_code=201)
def place_hold(desk: AtDesk, body: HoldBody, caller: Caller) -> HoldDocument:
    """Hold a backup or a source: nothing deletes it until the hold is released or ends."""
    request = HoldRequest(body.backup, body.source, body.reason, caller.signature, body.until)
    return HoldDocument.model_validate(add_hold(desk.services, request))


@router.post("/{hold_id}/release")
def release(desk: AtDesk, hold_id: str, body: ReleaseBody, caller: Caller, permits: AtPermits) -> HoldDocument:
    """End a hold; what it kept follows its policy again."""
    with permits.permit(Act("holds.release", body.confirm or "", hold_id)):
        hold = release_hold(desk.services, hold_id, reason=body.reason, by=caller.signature, confirm=body.confirm)
    return HoldDocument.model_validate(hold)
