"""Alerts about promises that are not kept, opened and cleared as the measurements say."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.levels.measuring import Breach, SourceLevels, measure
from strongroom.settings import Settings

_KEPT = {
    Breach.RPO: "The newest protected backup is recent enough again.",
    Breach.PROOF: "A drill has passed.",
    Breach.RTO: "A restore is fast enough again.",
}


def look_at_levels(session: Session, settings: Settings, now: datetime) -> None:
    """Open the alerts of promises that are broken and clear those of promises that are kept, in the transaction."""
    measured = measure(session, settings.sources, now)
    for source, levels in measured.items():
        for breach in levels.breaches:
            keep_open(session, _report(source, breach, levels, now))
    for alert in _open_alerts(session):
        levels_now = measured.get(alert.source or "")
        if levels_now is None or Breach(alert.cause) not in levels_now.breaches:
            note = _KEPT[Breach(alert.cause)] if levels_now else "The source is not configured any more."
            clear_alerts(session, cause=alert.cause, source=alert.source, now=now, note=note)


def _open_alerts(session: Session) -> list[Alert]:
    causes = [breach.value for breach in Breach]
    return list(session.scalars(select(Alert).where(Alert.cause.in_(causes), Alert.state != AlertState.RESOLVED)))


def _report(source: str, breach: Breach, levels: SourceLevels, now: datetime) -> AlertReport:
    message, next_step, severity = _words(source, breach, levels)
    return AlertReport(
        type=AlertType.DELAY,
        severity=severity,
        cause=breach.value,
        source=source,
        message=message,
        next_step=next_step,
        at=now,
    )


def _words(source: str, breach: Breach, levels: SourceLevels) -> tuple[str, str, Severity]:
    match breach:
        case Breach.RPO:
            age = levels.protected_age_seconds
            state = "has no protected backup" if age is None else f"has a newest protected backup {_hours(age)} old"
            what = f"{source} {state}; {_hours(levels.rpo_seconds)} are promised."
            return what, f"Make one: strongroom backup run {source}", Severity.CRITICAL
        case Breach.PROOF:
            age = levels.proven_age_seconds
            state = "has never been restored in a drill" if age is None else f"was last proven {_hours(age)} ago"
            what = f"{source} {state}; {_hours(levels.proven_seconds)} are promised."
            return what, f"Hold a drill: strongroom drill run {source}", Severity.MEDIUM
        case Breach.RTO:
            what = (
                f"Restoring {source} takes {_seconds(levels.drill_seconds)} in a drill and "
                f"{_seconds(levels.forecast_seconds)} at today's size; {_seconds(levels.rto_seconds)} are promised."
            )
            return what, f"See where the time goes: strongroom drill list --source {source}", Severity.HIGH


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"
