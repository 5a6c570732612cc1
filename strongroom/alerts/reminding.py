"""What is said without a new cause: repeats, further channels, an acknowledgement that ran out, the daily digest."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from strongroom.alerts.choosing import hears, soonest, steps_of
from strongroom.alerts.message import Message
from strongroom.alerts.recording import Change, note_event, write_notice
from strongroom.alerts.routing import Router
from strongroom.alerts.ticks import due_again
from strongroom.catalog.alerts import Alert, AlertEvent, AlertNotice, AlertState, NoticeReason, Severity
from strongroom.ids import id_at

REPEAT_AFTER = {Severity.CRITICAL: timedelta(hours=1), Severity.HIGH: timedelta(hours=4)}
"""Medium ones are repeated in the digest, low ones are only listed."""
ACKNOWLEDGED_FOR = timedelta(hours=24)
DIGEST_EVERY = timedelta(hours=24)
DIGEST = "alerts.digest"
ACK_EXPIRED = "ack_expired"
NEWS = (NoticeReason.OPENED, NoticeReason.AGAIN, NoticeReason.RAISED)
"""What is said of an alert when it begins, or begins to be worse."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """Reminds of what is still wrong, at one moment."""

    router: Router

    @property
    def now(self) -> datetime:
        """Return the moment."""
        return self.router.holding.now

    def remind(self, session: Session) -> None:
        """Write what is due to be said again, in the caller's transaction; one process at a time does this."""
        query = (
            select(Alert).where(Alert.state != AlertState.RESOLVED).order_by(Alert.id).with_for_update(skip_locked=True)
        )
        alerts = session.scalars(query).all()
        for alert in alerts:
            self._remind_of(session, alert)
        if due_again(session, DIGEST, DIGEST_EVERY, self.now):
            self._digest(session, [alert for alert in alerts if self._belongs_into_digest(alert)])

    def _remind_of(self, session: Session, alert: Alert) -> None:
        if alert.acknowledged_at is not None and self.now - alert.acknowledged_at >= ACKNOWLEDGED_FOR:
            alert.state, alert.acknowledged_at, alert.acknowledged_by = AlertState.OPEN, None, None
            note_event(session, alert, Change(ACK_EXPIRED, self.now))
            write_notice(session, alert, NoticeReason.REPEAT, self.now)
            # What follows looks at both.
            session.flush()
        # Of one that comes and goes nothing was said when it came; one that stays is said like any other.
        told = alert.notices or alert.flapping
        if alert.state is AlertState.OPEN and told and self.router.holding.holder(alert) is None:
            self._repeat(session, alert)
            self._escalate(session, alert)

    def _repeat(self, session: Session, alert: Alert) -> None:
        interval = REPEAT_AFTER.get(alert.severity)
        if interval is None or self.now - (alert.noticed_at or alert.since) < interval:
            return
        waiting = exists().where(AlertNotice.alert_id == alert.id, AlertNotice.routed_at.is_(None))
        if not session.scalar(select(waiting)):
            write_notice(session, alert, NoticeReason.REPEAT, self.now)

    def _escalate(self, session: Session, alert: Alert) -> None:
        """Ask further channels about a critical alert; the first ones heard of it when it was opened."""
        if alert.severity is not Severity.CRITICAL:
            return
        fitting = [c for c in self.router.channels.values() if hears(c, alert.severity)]
        steps = [step for step in steps_of(fitting) if step > alert.escalated]
        if not steps:
            return
        minutes = int((self.now - self._told_at(session, alert)).total_seconds() // 60)
        for step in steps:
            if step <= minutes:
                alert.escalated = step
                channels = [channel for channel in fitting if channel.after_minutes == step]
                message = self._message(NoticeReason.ESCALATION, [alert])
                self.router.deliver(session, message, channels, alert, self.now)
                note_event(session, alert, Change("escalated", self.now, detail=f"after {step} minutes"))

    def _told_at(self, session: Session, alert: Alert) -> datetime:
        """Return since when people know and nobody acknowledges: a silence, or an acknowledgement, gives time anew."""
        said = select(func.max(AlertNotice.routed_at)).where(AlertNotice.alert_id == alert.id)
        told = session.scalar(said.where(AlertNotice.reason.in_(NEWS), AlertNotice.held_by.is_(None)))
        expired = select(func.max(AlertEvent.at)).where(AlertEvent.alert_id == alert.id)
        again = session.scalar(expired.where(AlertEvent.what == ACK_EXPIRED))
        moments = [moment for moment in (told, again) if moment is not None and moment >= alert.since]
        return max(moments, default=alert.since)

    def _belongs_into_digest(self, alert: Alert) -> bool:
        told = self.now - (alert.noticed_at or alert.since) >= timedelta(hours=1)
        quiet = alert.severity is Severity.MEDIUM or alert.flapping
        return quiet and told and alert.state is AlertState.OPEN and self.router.holding.holder(alert) is None

    def _digest(self, session: Session, alerts: list[Alert]) -> None:
        if not alerts:
            return
        worst = max(alerts, key=lambda alert: alert.severity.rank)
        channels = soonest([c for c in self.router.channels.values() if hears(c, worst.severity)])
        self.router.deliver(session, self._message(NoticeReason.DIGEST, alerts), channels, alerts[0], self.now)
        for alert in alerts:
            alert.notices += 1

    def _message(self, reason: NoticeReason, alerts: list[Alert]) -> Message:
        return self.router.wording.message(str(id_at(self.now, self.router.random)), reason, alerts)
