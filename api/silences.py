"""Routes about silences."""

import uuid

from fastapi import APIRouter

from api.alert_documents import SilenceBody, SilenceDocument
from api.bodies import EmptyBody
from api.desk import AtDesk
from api.gate import Caller
from api.step_up import AtPermits
from strongroom.alerts.silences import add_silence, end_silence, list_silences, turns_alerts_off, verify_silence
from strongroom.audit.acting import describe, name_act
from strongroom.audit.events import AuditAction, digest
from strongroom.catalog.dbtime import database_now
from strongroom.stepup.acts import Act

router = APIRouter(prefix="/alert-silences", tags=["alerts"])


@router.get("")
def show_silences(desk: AtDesk) -> list[SilenceDocument]:
    """List the silences in force."""
    with desk.services.catalog.read() as session:
        return [SilenceDocument.model_validate(row) for row in list_silences(session, database_now(session))]


@router.post("", status_code=201)
def begin_silence(desk: AtDesk, body: SilenceBody, caller: Caller, permits: AtPermits) -> SilenceDocument:
    """Hear nothing for a time about the alerts that match; checks go on. Turning all of a kind off takes a step-up."""
    wish = body.as_request(caller.signature)
    verify_silence(wish)
    permit = permits.permit(Act("alerts.mute", "alerts"), needed=turns_alerts_off(body.matcher))
    name_act(AuditAction.MONITOR_DISABLED)
    describe(
        f"silence {sorted(body.matcher.items())}",
        reason=body.reason,
        after=digest({"matcher": body.matcher, "seconds": body.seconds}),
    )
    with permit, desk.services.catalog.begin() as session:
        return SilenceDocument.model_validate(add_silence(session, wish, database_now(session)))


@router.post("/{silence_id}/end")
def stop_silence(desk: AtDesk, silence_id: uuid.UUID, caller: Caller, body: EmptyBody | None = None) -> SilenceDocument:
    """End a silence before its time."""
    with desk.services.catalog.begin() as session:
        return SilenceDocument.model_validate(end_silence(session, silence_id, caller.signature, database_now(session)))
