"""What is written beside an alert: what happened to it, and what is to be said about it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from strongroom.catalog.alerts import Alert, AlertEvent, AlertNotice, NoticeReason, Severity
from strongroom.clock import RandomBytes, system_random
from strongroom.ids import id_at

OPENED = "opened"
REOPENED = "reopened"
RESOLVED = "resolved"
SYSTEM = "strongroom"


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an alert, when, by whom, and what is to be known about it."""

    what: str
    at: datetime
    actor: str = SYSTEM
    detail: str | None = None


def note_event(session: Session, alert: Alert, change: Change, random: RandomBytes = system_random) -> None:
    """Write down a change of an alert and who made it."""
    event = AlertEvent(id=id_at(change.at, random), alert_id=alert.id, dedup_key=alert.dedup_key, at=change.at)
    event.what, event.actor = change.what, change.actor[:120]
    event.detail = None if change.detail is None else change.detail[:500]
    session.add(event)


def write_notice(
    session: Session, alert: Alert, reason: NoticeReason, at: datetime, random: RandomBytes = system_random
) -> None:
    """Put into the outbox that something is to be said; an alert of low severity is only listed."""
    if alert.severity is not Severity.LOW:
        session.add(AlertNotice(id=id_at(at, random), alert_id=alert.id, reason=reason, created_at=at))
