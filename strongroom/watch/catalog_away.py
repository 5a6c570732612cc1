"""The alert that cannot be written down: the catalog is away. It is kept in memory and said directly."""

import logging
import threading
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from strongroom.alerts.choosing import hears
from strongroom.alerts.message import Message
from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.alerts.sending import Sender
from strongroom.alerts.wording import Wording
from strongroom.catalog.alerts import Alert, AlertNotice, AlertState, NoticeReason
from strongroom.clock import RandomBytes, system_random
from strongroom.errors import StrongroomError
from strongroom.ids import id_at

log = logging.getLogger(__name__)

CAUSE = "catalog.down"
REPEAT_SECONDS = 3600.0
RETRY_SECONDS = 10.0


class CatalogAway:
    """Counts how long the catalog has not answered, and tells people without it.

    Told are the channels of critical alerts, further ones after their minutes, and all again every hour. A process that
    is started while the catalog is away begins to count anew; that may say it twice, and never not at all.
    """

    def __init__(self, sender: Sender, silent_seconds: float, random: RandomBytes = system_random) -> None:
        self._sender = sender
        self._silent_seconds = silent_seconds
        self._random = random
        self._answered = sender.clock.monotonic()
        self._since: datetime | None = None
        self._told: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def is_known(self) -> bool:
        """Say whether the catalog is away and this was noticed."""
        return self._since is not None

    def note_answer(self) -> None:
        """Note that the catalog has just answered."""
        self._answered = self._sender.clock.monotonic()

    def look(self) -> None:
        """Tell people what is due to be told; call it every second or so, whatever the catalog does."""
        with self._lock:
            away = self._sender.clock.monotonic() - self._answered
            if away < self._silent_seconds:
                return
            if self._since is None:
                self._since = self._sender.clock.now() - timedelta(seconds=away)
                log.error("the catalog has not answered for %.0f s", away)
            self._tell(away)

    def settle(self, session: Session, now: datetime) -> None:
        """Write down what was said while the catalog was away, in the caller's transaction."""
        alert = open_alert(session, self._report())
        session.flush()
        # It was said already, so the outbox need not say it.
        session.execute(update(AlertNotice).where(AlertNotice.alert_id == alert.id).values(routed_at=now))
        clear_alerts(session, cause=CAUSE, now=now, note="The catalog answers again.")

    def over(self) -> None:
        """Say that the catalog is back, to those who heard of its absence."""
        with self._lock:
            for name in self._told:
                self._send(name, NoticeReason.RESOLVED)
            self._since = None
            self._told.clear()
            self._tried.clear()

    def _tell(self, away: float) -> None:
        seconds = self._sender.clock.monotonic()
        for channel in self._sender.settings.channels.values():
            first = self._silent_seconds + 60.0 * channel.after_minutes
            if not hears(channel, Severity.CRITICAL) or away < first:
                continue
            told, tried = self._told.get(channel.name), self._tried.get(channel.name)
            waits = tried is not None and seconds - tried < RETRY_SECONDS
            if (told is not None and seconds - told < REPEAT_SECONDS) or waits:
                continue
            self._tried[channel.name] = seconds
            if self._send(channel.name, NoticeReason.OPENED if told is None else NoticeReason.REPEAT):
                self._told[channel.name] = seconds

    def _send(self, name: str, reason: NoticeReason) -> bool:
        try:
            self._sender.send(name, self._message(reason))
        except StrongroomError as error:
            log.warning("channel %s did not take the alert about the catalog: %s", name, error.what)
            return False
        return True

    def _message(self, reason: NoticeReason) -> Message:
        now, report = self._sender.clock.now(), self._report()
        alerts = self._sender.settings.alerts
        wording = Wording(alerts.page_url, now, alerts.runbook_url)
        alert = Alert(
            id=id_at(report.at, self._random),
            dedup_key=report.dedup_key,
            type=report.type,
            severity=report.severity,
            state=AlertState.RESOLVED if reason is NoticeReason.RESOLVED else AlertState.OPEN,
            cause=report.cause,
            message=report.message,
            next_step=report.next_step,
            opened_at=report.at,
            since=report.at,
            count=1,
            notices=1,
        )
        return wording.message(str(id_at(now, self._random)), reason, [alert])

    def _report(self) -> AlertReport:
        return AlertReport(
            type=AlertType.FAILURE,
            severity=Severity.CRITICAL,
            cause=CAUSE,
            message="The catalog does not answer",
            next_step="No job runs and nothing can be asked for. Start the database, or see its log. Backups in the "
            "regions are whole; a restore needs the catalog or `strongroom catalog rebuild`.",
            at=self._since or self._sender.clock.now(),
        )
