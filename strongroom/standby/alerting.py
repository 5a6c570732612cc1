"""What of a look at a pair becomes an alert, and which alerts it clears."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.standbys import StandbyState
from strongroom.settings import StandbySettings
from strongroom.standby.judging import Cause, Finding, judged
from strongroom.standby.views import Observation

KINDS = {
    Cause.LOST: (AlertType.FAILURE, Severity.CRITICAL),
    Cause.LAG: (AlertType.DELAY, Severity.HIGH),
    Cause.SLOT: (AlertType.FAILURE, Severity.HIGH),
    Cause.PRIMARY: (AlertType.FAILURE, Severity.HIGH),
    Cause.DENIED: (AlertType.FAILURE, Severity.MEDIUM),
}


class Judged(Protocol):
    """One look at a pair."""

    @property
    def pair(self) -> StandbySettings: ...
    @property
    def seen(self) -> Observation: ...
    @property
    def findings(self) -> list[Finding]: ...


def alert(session: Session, check: Judged, since: Mapping[Cause, datetime]) -> None:
    """Open an alert for each finding that has outlasted the grace, and clear those of what is well again.

    Lag has no grace: it is a length of time itself.
    """
    pair, now = check.pair, check.seen.at
    grace = timedelta(seconds=pair.grace_seconds)
    for finding in check.findings:
        if finding.cause is Cause.LAG or now - since[finding.cause] >= grace:
            open_alert(session, _report(pair, finding, now))
    for cause in judged(check.seen) - since.keys():
        clear_alerts(
            session,
            cause=cause.value,
            source=pair.name,
            region=pair.region,
            now=now,
            note="The next look found it gone.",
        )


def forget(session: Session, state: StandbyState, now: datetime) -> None:
    """Clear every alert of a pair that is no longer configured as it was."""
    for cause in Cause:
        note = "The pair is configured otherwise now."
        clear_alerts(session, cause=cause.value, source=state.name, region=state.region, now=now, note=note)


def _report(pair: StandbySettings, finding: Finding, now: datetime) -> AlertReport:
    kind, severity = KINDS[finding.cause]
    return AlertReport(
        type=kind,
        severity=severity,
        cause=finding.cause.value,
        message=finding.what,
        next_step=finding.next_step,
        at=now,
        source=pair.name,
        region=pair.region,
    )
