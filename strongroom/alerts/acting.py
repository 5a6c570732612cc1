"""What people do with alerts: look, acknowledge, resolve."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from strongroom.alerts.errors import AlertNotFoundError, AlertResolvedError, NoteMissingError
from strongroom.alerts.opening import resolve
from strongroom.alerts.recording import Change, note_event, write_notice
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, AlertEvent, AlertState, NoticeReason, Severity
from strongroom.catalog.paging import Page, fetch_page

MOST_OPEN = 1000
WORST_FIRST = case({severity.value: -severity.rank for severity in Severity}, value=Alert.severity)


@dataclass(frozen=True, slots=True)
class AlertStory:
    """An alert with what happened to it and what was said about it, oldest first."""

    alert: Alert
    events: Sequence[AlertEvent]
    deliveries: Sequence[AlertDelivery]


def list_active(session: Session, *, limit: int = MOST_OPEN) -> Sequence[Alert]:
    """Return the alerts that are not resolved, unacknowledged and worst first, then the newest."""
    acknowledged = case((Alert.state == AlertState.ACKNOWLEDGED, 1), else_=0)
    query = select(Alert).where(Alert.state != AlertState.RESOLVED)
    return session.scalars(query.order_by(acknowledged, WORST_FIRST, Alert.id.desc()).limit(limit)).all()


def list_alerts(
    session: Session,
    *,
    state: AlertState | None = None,
    source: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Alert]:
    """Return alerts, newest first; raises BadLimitError, BadCursorError."""
    wanted = {Alert.state: state, Alert.source: source}
    query = select(Alert).where(*(column == value for column, value in wanted.items() if value is not None))
    return fetch_page(session, query, Alert.id, limit=limit, cursor=cursor)


def get_alert(session: Session, alert_id: uuid.UUID, *, lock: bool = False) -> Alert:
    """Return an alert; with `lock` nobody else changes it until the transaction ends. Raises AlertNotFoundError."""
    alert = session.get(Alert, alert_id, with_for_update=lock)
    if alert is None:
        raise AlertNotFoundError(f"There is no alert {alert_id}.", next_step="List them: strongroom alerts list --all")
    return alert


def tell_story(session: Session, alert_id: uuid.UUID) -> AlertStory:
    """Return an alert with its events and deliveries; raises AlertNotFoundError."""
    alert = get_alert(session, alert_id)
    events = session.scalars(select(AlertEvent).where(AlertEvent.alert_id == alert_id).order_by(AlertEvent.id)).all()
    deliveries = select(AlertDelivery).where(AlertDelivery.alert_id == alert_id).order_by(AlertDelivery.id)
    return AlertStory(alert, events, session.scalars(deliveries).all())


def acknowledge(session: Session, alert_id: uuid.UUID, by: str, now: datetime) -> Alert:
    """Say that somebody sees to it: no repeats and no further channels for 24 hours; raises AlertNotFoundError,
    AlertResolvedError."""
    alert = _unresolved(session, alert_id)
    alert.state, alert.acknowledged_at, alert.acknowledged_by = AlertState.ACKNOWLEDGED, now, by[:120]
    note_event(session, alert, Change("acknowledged", now, by))
    if alert.notices:
        write_notice(session, alert, NoticeReason.ACKNOWLEDGED, now)
    return alert


def resolve_by_hand(session: Session, alert_id: uuid.UUID, by: str, note: str, now: datetime) -> Alert:
    """End an alert with a note; raises NoteMissingError, AlertNotFoundError, AlertResolvedError."""
    if not note.strip():
        raise NoteMissingError("An alert is resolved with a note.", next_step="Say what was done, for those who look.")
    alert = _unresolved(session, alert_id)
    resolve(session, alert, now, note.strip(), by)
    return alert


def list_dead(session: Session, *, limit: int = 50, cursor: str | None = None) -> Page[AlertDelivery]:
    """Return the deliveries that were given up, newest first; raises BadLimitError, BadCursorError."""
    query = select(AlertDelivery).where(AlertDelivery.state == DeliveryState.DEAD)
    return fetch_page(session, query, AlertDelivery.id, limit=limit, cursor=cursor)


def _unresolved(session: Session, alert_id: uuid.UUID) -> Alert:
    alert = get_alert(session, alert_id, lock=True)
    if alert.state is AlertState.RESOLVED:
        raise AlertResolvedError(f"Alert {alert_id} is resolved.", next_step="There is nothing to do.")
    return alert
