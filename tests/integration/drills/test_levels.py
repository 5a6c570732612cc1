"""What is promised for a source is measured, and said where it is not kept."""

from datetime import UTC, datetime, timedelta

import pytest

from strongroom.alerts.opening import AlertType, Severity
from strongroom.catalog.backups import Backup
from strongroom.catalog.dbtime import database_now
from strongroom.catalog.drills import Drill, get_drill
from strongroom.catalog.schedules import DrillProgress
from strongroom.drills.schedule import dispatch_due_drills
from strongroom.levels.alerting import look_at_levels
from strongroom.levels.measuring import Breach, SourceLevels
from strongroom.levels.status import SourceStatus, status
from tests.integration.drills.conftest import DrillHall

DAY = timedelta(days=1)


def look(hall: DrillHall) -> None:
    with hall.house.services.catalog.begin() as session:
        look_at_levels(session, hall.house.services.settings, database_now(session))


def of_tree(hall: DrillHall) -> SourceStatus:
    return status(hall.house.services).sources[0]


def levels(hall: DrillHall) -> SourceLevels:
    return of_tree(hall).levels


def age_backups(hall: DrillHall, by: timedelta) -> None:
    with hall.house.services.catalog.begin() as session:
        for backup in session.query(Backup):
            backup.created_at -= by


def age_drills(hall: DrillHall, by: timedelta) -> None:
    with hall.house.services.catalog.begin() as session:
        for drill in session.query(Drill):
            assert drill.finished_at is not None
            drill.finished_at -= by


def test_a_new_source_is_well_without_a_drill(hall: DrillHall):
    hall.house.back_up()

    look(hall)

    assert (of_tree(hall).healthy, levels(hall).breaches, levels(hall).last_drill) == (True, (), None)
    assert hall.alerts() == []


def test_an_old_backup_breaks_the_rpo_until_there_is_a_new_one(hall: DrillHall):
    hall.house.back_up()
    age_backups(hall, 3 * DAY)

    look(hall)
    look(hall)

    assert levels(hall).breaches == (Breach.RPO,)
    assert (of_tree(hall).healthy, of_tree(hall).overdue) == (False, True)
    assert hall.alerts() == [(AlertType.DELAY, Severity.CRITICAL, "level.rpo", None)]

    hall.house.back_up()
    look(hall)

    assert (levels(hall).breaches, hall.alerts()) == ((), [])


def test_a_backup_that_is_not_in_every_region_does_not_count(hall: DrillHall):
    hall.house.run(hall.house.request())
    age_backups(hall, 3 * DAY)

    assert (levels(hall).protected_age_seconds, levels(hall).breaches) == (None, (Breach.RPO,))


def test_proof_grows_old_until_a_drill_passes(hall: DrillHall):
    hall.house.back_up()
    age_backups(hall, 9 * DAY)
    hall.house.back_up()
    look(hall)
    assert hall.alerts() == [(AlertType.DELAY, Severity.MEDIUM, "level.proven", None)]

    hall.hold()
    look(hall)
    assert hall.alerts() == []

    age_drills(hall, 9 * DAY)
    look(hall)
    assert levels(hall).breaches == (Breach.PROOF,)


@pytest.mark.parametrize(("seconds", "broken"), [(1700.0, ()), (1900.0, (Breach.RTO,))])
def test_the_rto_is_what_a_drill_measured(hall: DrillHall, seconds: float, broken: tuple[Breach, ...]):
    hall.house.back_up()
    job = hall.hold()
    with hall.house.services.catalog.begin() as session:
        get_drill(session, job.id).seconds = seconds

    assert levels(hall).breaches == broken


def test_a_source_that_grew_is_forecast_to_break_its_rto(hall: DrillHall):
    hall.house.back_up()
    job = hall.hold()
    with hall.house.services.catalog.begin() as session:
        drill = get_drill(session, job.id)
        drill.bytes, drill.seconds = 1 << 30, 1000.0
        drill.report = {"phases": {"opening": 1.0, "restoring": 999.0}}
        for backup in session.query(Backup):
            backup.source_bytes = 2 << 30

    assert levels(hall).forecast_seconds == pytest.approx(1999)
    assert levels(hall).breaches == (Breach.RTO,)


def test_a_failed_drill_is_said_first(hall: DrillHall):
    hall.house.back_up()
    job = hall.hold()
    with hall.house.services.catalog.begin() as session:
        drill = get_drill(session, job.id)
        drill.state = type(drill.state)("failed")

    assert (of_tree(hall).failing, of_tree(hall).healthy) == (True, False)


def test_a_drill_is_held_when_it_is_due_and_once(hall: DrillHall):
    services = hall.house.services
    assert dispatch_due_drills(services) == []
    with services.catalog.begin() as session:
        session.get_one(DrillProgress, "tree").followed_until = datetime.now(UTC) - 8 * DAY

    # There is nothing to restore yet: it stays due.
    assert dispatch_due_drills(services) == []
    hall.house.back_up()
    asked = dispatch_due_drills(services)

    assert [drill.source for drill in asked] == ["tree"]
    assert dispatch_due_drills(services) == []
