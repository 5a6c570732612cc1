"""Routes about alerts: look, acknowledge, resolve."""

import uuid

from fastapi import APIRouter

from api.alert_documents import (
    AlertDocument,
    AlertPage,
    AlertStoryDocument,
    DeliveryDocument,
    ResolveBody,
)
from api.bodies import EmptyBody
from api.desk import AtDesk, Cursor, Limit
from api.documents import PageDocument
from api.gate import Caller
from strongroom.alerts.acting import acknowledge, list_active, list_alerts, list_dead, resolve_by_hand, tell_story
from strongroom.audit.acting import describe
from strongroom.catalog.alerts import AlertState
from strongroom.catalog.dbtime import database_now

router = APIRouter(prefix="/alerts", tags=["alerts"])


@router.get("")
def show_alerts(
    desk: AtDesk, state: AlertState | None = None, source: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> AlertPage:
    """List alerts, newest first."""
    with desk.services.catalog.read() as session:
        page = list_alerts(session, state=state, source=source, limit=limit, cursor=cursor)
        return AlertPage(items=[AlertDocument.of(alert) for alert in page.items], next_cursor=page.next_cursor)


@router.get("/active")
def show_active(desk: AtDesk, limit: Limit = 50) -> list[AlertDocument]:
    """List what is wrong now, the worst first."""
    with desk.services.catalog.read() as session:
        return [AlertDocument.of(alert) for alert in list_active(session, limit=limit)]


@router.get("/dead-letters")
def show_dead_letters(desk: AtDesk, limit: Limit = 50, cursor: Cursor = None) -> PageDocument[DeliveryDocument]:
    """List messages that no channel took and that were given up, newest first."""
    with desk.services.catalog.read() as session:
        return PageDocument.of(list_dead(session, limit=limit, cursor=cursor), DeliveryDocument)


@router.get("/{alert_id}")
def show_alert(desk: AtDesk, alert_id: uuid.UUID) -> AlertStoryDocument:
    """Show an alert, what happened to it and what was said about it."""
    with desk.services.catalog.read() as session:
        return AlertStoryDocument.telling(tell_story(session, alert_id))


@router.post("/{alert_id}/ack")
def ack_alert(desk: AtDesk, alert_id: uuid.UUID, caller: Caller, body: EmptyBody | None = None) -> AlertDocument:
    """Say that somebody sees to it: nothing more is said about it for 24 hours."""
    with desk.services.catalog.begin() as session:
        return AlertDocument.of(acknowledge(session, alert_id, caller.signature, database_now(session)))


@router.post("/{alert_id}/resolve")
def resolve_alert(desk: AtDesk, alert_id: uuid.UUID, body: ResolveBody, caller: Caller) -> AlertDocument:
    """End an alert by hand, with a note; one whose cause is still there comes back."""
    describe(reason=body.note)
    with desk.services.catalog.begin() as session:
        return AlertDocument.of(resolve_by_hand(session, alert_id, caller.signature, body.note, database_now(session)))
