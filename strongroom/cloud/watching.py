"""Looking at the databases that RDS runs: their zones and standbys, for status and for alerts."""

from typing import Any

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.databases import DatabaseState
from strongroom.catalog.inserting import lock_row
from strongroom.cloud.places import AwsPlaces, regions_of
from strongroom.cloud.surveying import look_at_database
from strongroom.errors import StrongroomError
from strongroom.services import Services
from strongroom.settings import RdsSourceSettings

STANDBY_LOST = "rds.standby"


def watch_databases(services: Services) -> dict[str, str]:
    """Note what RDS says of each source's database, and return the status of each; alert when a standby is gone."""
    places = AwsPlaces(services.settings)
    sources = [source for source in services.settings.sources.values() if isinstance(source, RdsSourceSettings)]
    return {source.name: _watch(services, places, source) for source in sources}


def _watch(services: Services, places: AwsPlaces, source: RdsSourceSettings) -> str:
    try:
        client = places.client(regions_of(services.settings, source)[0])
        state = look_at_database(client, source).as_state()
    except StrongroomError as error:
        with services.catalog.begin() as session:
            _note_fault(session, services, source.name, str(error))
        return error.code
    with services.catalog.begin() as session:
        _note(session, services, source, state)
    return str(state["status"])


def _row(session: Session, services: Services, source: str) -> DatabaseState:
    now = services.clock.now()
    row = lock_row(session, DatabaseState, source, source=source, seen_at=now)
    row.seen_at = now
    return row


def _note_fault(session: Session, services: Services, source: str, fault: str) -> None:
    _row(session, services, source).fault = fault[:500]


def _note(session: Session, services: Services, source: RdsSourceSettings, state: dict[str, Any]) -> None:
    row = _row(session, services, source.name)
    before, row.state, row.fault = row.state, state, None
    if has_standby(state):
        note = "The database has a standby again."
        clear_alerts(session, cause=STANDBY_LOST, source=source.name, now=row.seen_at, note=note)
    elif before is not None and has_standby(before):
        report = AlertReport(
            type=AlertType.FAILURE,
            severity=Severity.HIGH,
            cause=STANDBY_LOST,
            message=f"Standby lost: {source.name} ({source.place})",
            next_step="See in RDS whether it is being replaced, or whether somebody switched several zones off.",
            at=row.seen_at,
            source=source.name,
            policy=source.policy,
        )
        open_alert(session, report)


def has_standby(state: dict[str, Any]) -> bool:
    """Say whether something in another zone would take over."""
    return bool(state["several_zones"] or state["standbys"])
