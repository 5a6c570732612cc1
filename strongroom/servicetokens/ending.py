"""The warning that a service token ends soon, while there is time to give its machine another."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.service_tokens import ServiceToken
from strongroom.catalog.session import Catalog
from strongroom.servicetokens.tokens import list_live

WARN_BEFORE = timedelta(days=14)
URGENT_BEFORE = timedelta(days=3)
TOKEN_ENDING = "token.ending"  # noqa: S105 -- the cause of an alert, not a token


def warn_of_ends(catalog: Catalog, now: datetime) -> list[str]:
    """Keep an alert open for each name whose last token ends within 14 days; return these names.

    It is cleared where there is a later token by now, or none that works: then nothing is left to be done in time.
    """
    with catalog.begin() as session:
        last = {row.name: row for row in sorted(list_live(session, now), key=lambda row: row.expires_at)}
        ending = {name: row for name, row in last.items() if row.expires_at - now <= WARN_BEFORE}
        for row in ending.values():
            keep_open(session, _report(row, now))
        _clear_others(session, ending, now)
    return sorted(ending)


def _report(row: ServiceToken, now: datetime) -> AlertReport:
    left = row.expires_at - now
    return AlertReport(
        type=AlertType.DELAY,
        severity=_severity(row, left),
        cause=f"{TOKEN_ENDING}.{row.name}",
        message=f"A service token ends soon: {row.name}, on {row.expires_at:%Y-%m-%d}",
        next_step=f"`strongroom tokens rotate {row.name}`, give the machine the new one, and revoke {row.id}.",
        at=now,
    )


def _severity(row: ServiceToken, left: timedelta) -> Severity:
    # One that was made for a few days is meant to end; it is listed, and nobody is called.
    if row.expires_at - row.created_at <= WARN_BEFORE:
        return Severity.LOW
    return Severity.HIGH if left <= URGENT_BEFORE else Severity.MEDIUM


def _clear_others(session: Session, ending: Mapping[str, ServiceToken], now: datetime) -> None:
    mine = (Alert.state != AlertState.RESOLVED, Alert.cause.startswith(f"{TOKEN_ENDING}."))
    for cause in session.scalars(select(Alert.cause).where(*mine)).all():
        if cause.removeprefix(f"{TOKEN_ENDING}.") not in ending:
            clear_alerts(session, cause=cause, now=now, note="There is a later token, or none that works.")
