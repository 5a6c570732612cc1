"""Opening and clearing alerts, in the transaction of what they are about.

Whoever sees that something is wrong says so here; a row of the outbox is written with it, so that no crash can lose the
message. Routing, silences and channels come later and elsewhere.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from strongroom.alerts.recording import OPENED, REOPENED, RESOLVED, SYSTEM, Change, note_event, write_notice
from strongroom.catalog.alerts import Alert, AlertEvent, AlertState, AlertType, NoticeReason, Severity
from strongroom.catalog.inserting import insert_of
from strongroom.clock import system_random
from strongroom.ids import id_at

__all__ = ["AlertReport", "AlertType", "Severity", "clear_alerts", "keep_open", "open_alert"]

REOPEN_WITHIN = timedelta(hours=1)
"""An alert that comes back sooner is the same one."""

RIVALS = 100
"""How often the same alert may be opened and resolved by others while one waits for them."""

FLAPPING_WITHIN = timedelta(hours=24)
FLAPPING_CHANGES = 4


@dataclass(frozen=True, slots=True)
class AlertReport:
    """Something that is wrong. `cause` is a stable dotted name, such as `backup.failed`; no text holds a secret."""

    type: AlertType
    severity: Severity
    cause: str
    message: str
    next_step: str
    at: datetime
    source: str | None = None
    region: str | None = None
    policy: str | None = None
    backup_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    trace_id: str | None = None

    @property
    def dedup_key(self) -> str:
        """Return the SHA-256, in hex, of what makes two reports the same alert."""
        parts = (self.type.value, self.source, self.policy, self.region, self.cause)
        return hashlib.sha256("\n".join(part or "" for part in parts).encode()).hexdigest()


def open_alert(session: Session, report: AlertReport) -> Alert:
    """Open an alert in the caller's transaction, count it on the one that is open, or reopen one just resolved.

    A first message, one about it coming back and one about it getting worse are written to the outbox; repeats are not.
    """
    for _ in range(RIVALS):
        alert = _newest(session, report.dedup_key)
        if alert is not None and alert.state is not AlertState.RESOLVED:
            return _count(session, alert, report)
        if alert is not None and _just_resolved(alert, report.at):
            opened = _reopen_unless_open(session, alert, report)
        else:
            opened = _insert(session, report, alert)
        if opened is not None:
            return opened
        # Somebody else opened the same in this very moment.
    raise AssertionError("an alert was opened and resolved by others whenever it was to be opened here")


def keep_open(session: Session, report: AlertReport) -> Alert:
    """Open an alert unless it is open; for what is looked at again and again, and is not worse for being seen twice."""
    alert = _newest(session, report.dedup_key)
    if alert is None or alert.state is AlertState.RESOLVED or report.severity.rank > alert.severity.rank:
        return open_alert(session, report)
    alert.last_seen = report.at
    return alert


def clear_alerts(
    session: Session,
    *,
    cause: str,
    source: str | None = None,
    region: str | None = None,
    now: datetime,
    note: str,
) -> int:
    """Resolve the alerts of exactly this cause, source and region in the caller's transaction; return how many.

    None means alerts that name no source, or no region.
    """
    cleared = _unresolved(session, Alert.cause == cause, Alert.source == source, Alert.region == region)
    for alert in cleared:
        resolve(session, alert, now, note, SYSTEM)
    return len(cleared)


def resolve(session: Session, alert: Alert, now: datetime, note: str, actor: str) -> None:
    """End an unresolved alert; whoever was told about it is told that it is over."""
    alert.state = AlertState.RESOLVED
    alert.resolved_at, alert.resolved_by, alert.resolution = now, actor[:120], note[:500]
    alert.suppressed_by = None
    note_event(session, alert, Change(RESOLVED, now, actor, note))
    if alert.notices:
        write_notice(session, alert, NoticeReason.RESOLVED, now)


def _newest(session: Session, key: str) -> Alert | None:
    """Return the alert of the key that is not resolved, else the one opened last, and lock it.

    Waiting for the lock may take so long that a newer one is there by then, which this does not see.
    """
    resolved = case((Alert.state == AlertState.RESOLVED, 1), else_=0)
    query = select(Alert).where(Alert.dedup_key == key).order_by(resolved, Alert.id.desc()).limit(1)
    return session.scalar(query.with_for_update())


def _unresolved(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Alert]:
    query = select(Alert).where(Alert.state != AlertState.RESOLVED, *conditions).order_by(Alert.id)
    return session.scalars(query.with_for_update()).all()


def _just_resolved(alert: Alert, at: datetime) -> bool:
    return alert.resolved_at is not None and at - alert.resolved_at < REOPEN_WITHIN


def _insert(session: Session, report: AlertReport, earlier: Alert | None) -> Alert | None:
    insert = insert_of(session)
    values = {
        "id": _id_after(earlier, report.at),
        "dedup_key": report.dedup_key,
        "type": report.type,
        "severity": report.severity,
        "state": AlertState.OPEN,
        "opened_at": report.at,
        "since": report.at,
        "cause": report.cause,
        "source": report.source,
        "region": report.region,
        "policy": report.policy,
        "flapping": earlier is not None and earlier.flapping,
        **_latest(report),
    }
    new = insert(Alert).values(values).on_conflict_do_nothing().returning(Alert)
    alert = session.scalars(new).one_or_none()
    if alert is not None:
        _note_opened(session, alert, OPENED, NoticeReason.OPENED)
    return alert


def _id_after(earlier: Alert | None, at: datetime) -> uuid.UUID:
    """Return an id that sorts after the earlier alert of the key, whatever the clock says."""
    new = id_at(at, system_random)
    return new if earlier is None or new > earlier.id else uuid.UUID(int=earlier.id.int + 1)


def _latest(report: AlertReport) -> dict[str, object]:
    return {
        "message": _storable(report.message)[:500],
        "next_step": _storable(report.next_step)[:1000],
        "backup_id": report.backup_id,
        "job_id": report.job_id,
        "trace_id": report.trace_id,
        "last_seen": report.at,
    }


def _storable(text: str) -> str:
    """Return text without what PostgreSQL refuses: a name of a file in it must not undo the record of its failure."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _renew(alert: Alert, report: AlertReport) -> None:
    for name, value in _latest(report).items():
        setattr(alert, name, value)
    alert.count += 1


def _count(session: Session, alert: Alert, report: AlertReport) -> Alert:
    _renew(alert, report)
    if report.severity.rank > alert.severity.rank:
        alert.severity = report.severity
        # What somebody said they would see to was not this bad.
        alert.state, alert.acknowledged_at, alert.acknowledged_by = AlertState.OPEN, None, None
        note_event(session, alert, Change("raised", report.at, detail=report.severity.value))
        write_notice(session, alert, NoticeReason.RAISED, report.at)
    return alert


def _reopen_unless_open(session: Session, alert: Alert, report: AlertReport) -> Alert | None:
    try:
        with session.begin_nested():
            return _reopen(session, alert, report)
    except IntegrityError:
        return None


def _reopen(session: Session, alert: Alert, report: AlertReport) -> Alert:
    _renew(alert, report)
    alert.state, alert.severity = AlertState.OPEN, report.severity
    alert.reopened += 1
    alert.since, alert.notices, alert.noticed_at, alert.escalated = report.at, 0, None, 0
    alert.acknowledged_at = alert.acknowledged_by = None
    alert.resolved_at = alert.resolved_by = alert.resolution = None
    _note_opened(session, alert, REOPENED, NoticeReason.AGAIN)
    return alert


def _note_opened(session: Session, alert: Alert, what: str, reason: NoticeReason) -> None:
    """Write the change down and say it, unless it is one of many: then that is said once, and digests say the rest."""
    at = alert.last_seen
    note_event(session, alert, Change(what, at, detail=alert.message))
    session.flush()
    was, alert.flapping = alert.flapping, _changes(session, alert.dedup_key, at) >= FLAPPING_CHANGES
    if not alert.flapping:
        write_notice(session, alert, reason, at)
    elif not was:
        note_event(session, alert, Change("flapping", at))
        write_notice(session, alert, NoticeReason.FLAPPING, at)


def _changes(session: Session, key: str, at: datetime) -> int:
    changes = AlertEvent.what.in_((OPENED, REOPENED, RESOLVED))
    query = select(func.count()).where(AlertEvent.dedup_key == key, AlertEvent.at > at - FLAPPING_WITHIN, changes)
    return session.scalar(query) or 0
