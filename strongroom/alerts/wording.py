"""How an alert is put into words; a repeat reads differently from the first time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.alerts.message import Message, Subject
from strongroom.catalog.alerts import Alert, AlertState, NoticeReason

MOST_SUBJECTS = 15
"""Alerts that are described in one message; of the rest it says how many they are."""
MOST_NAMES = 10
RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class Wording:
    """What wording has to know besides the alert."""

    page_url: str | None
    now: datetime
    runbook_url: str | None = None

    def message(self, message_id: str, reason: NoticeReason, alerts: Sequence[Alert], note: str = "") -> Message:
        """Return what is said about alerts of one cause, or about all that is still open in a digest."""
        more = len(alerts) - MOST_SUBJECTS
        rest = f"{more} more: strongroom alerts list" if more > 0 else ""
        return Message(
            id=message_id,
            reason=reason,
            title=self._title(reason, alerts),
            subjects=tuple(self.subject(alert) for alert in alerts[:MOST_SUBJECTS]),
            note="\n".join(part for part in (note, rest) if part),
        )

    def subject(self, alert: Alert) -> Subject:
        """Return an alert as messages carry it."""
        return Subject(
            id=str(alert.id),
            backup_id=None if alert.backup_id is None else str(alert.backup_id),
            type=alert.type.value,
            severity=alert.severity.value,
            message=alert.message,
            timestamp=alert.opened_at.isoformat(),
            resolved=alert.state is AlertState.RESOLVED,
            dedup_key=alert.dedup_key,
            state=alert.state.value,
            cause=alert.cause,
            source=alert.source,
            region=alert.region,
            policy=alert.policy,
            job_id=None if alert.job_id is None else str(alert.job_id),
            trace_id=alert.trace_id,
            count=alert.count,
            since=alert.since.isoformat(),
            next_step=alert.next_step,
            runbook=runbook_of(alert.cause, self.runbook_url or RUNBOOK),
            link=None if self.page_url is None else f"{self.page_url}/v1/alerts/{alert.id}",
        )

    def _title(self, reason: NoticeReason, alerts: Sequence[Alert]) -> str:
        first = alerts[0]
        what = first.message if len(alerts) == 1 else _names(alerts)
        how_long = duration(self.now - first.since)
        if reason is NoticeReason.DIGEST:
            return f"Still open once a day: {len(alerts)} alerts"
        if reason is NoticeReason.RESOLVED:
            return f"Resolved: {what} (after {how_long})"
        if first.state is AlertState.RESOLVED:
            return f"Over already: {what}"
        worst = max(alerts, key=lambda alert: alert.severity.rank).severity.value.upper()
        return f"[{worst}] {self._prefix(reason, first)}{what}{self._suffix(reason, first, how_long)}"

    def _prefix(self, reason: NoticeReason, first: Alert) -> str:
        return {
            NoticeReason.AGAIN: "Again: ",
            NoticeReason.RAISED: "Worse now: ",
            NoticeReason.FLAPPING: "Comes and goes: ",
            NoticeReason.REPEAT: f"Still failing, {_ordinal(first.notices + 1)} time: ",
            NoticeReason.ESCALATION: "Nobody has acknowledged: ",
            NoticeReason.ACKNOWLEDGED: "Acknowledged: ",
        }.get(reason, "")

    def _suffix(self, reason: NoticeReason, first: Alert, how_long: str) -> str:
        if reason in (NoticeReason.REPEAT, NoticeReason.ESCALATION):
            return f", since {first.since:%Y-%m-%d %H:%M} UTC ({how_long})"
        return "; from now on once a day" if reason is NoticeReason.FLAPPING else ""


def runbook_of(cause: str, page: str = RUNBOOK) -> str:
    """Return where the runbook says what to do about a cause; of `channel.failing.NAME` the name is left out."""
    return f"{page}#{'-'.join(cause.split('.')[:2])}"


def duration(length: timedelta) -> str:
    """Write a length of time in the unit that matters."""
    seconds = max(0, int(length.total_seconds()))
    if seconds >= 2 * 86400:
        return f"{seconds // 86400} d"
    if seconds >= 2 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def _names(alerts: Sequence[Alert]) -> str:
    """Return one line about several alerts of one cause: `Backup failed: a, b and 48 more (50 alerts)`."""
    kind = alerts[0].message.partition(":")[0]
    names = [alert.source or alert.message.partition(": ")[2] for alert in alerts]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{kind}: {', '.join(names[:MOST_NAMES])}{more} ({len(names)} alerts)"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
