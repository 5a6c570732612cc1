"""Damage and a region that is away open their alerts, and mending clears them: with real copies in real regions."""

import shutil

from sqlalchemy import select

from strongroom.catalog.alerts import Alert, AlertState, AlertType, Severity
from strongroom.catalog.backups import VerificationLevel
from tests.integration.backup.conftest import House
from tests.integration.backup.test_damage import damage, verify


def alerts(house: House) -> dict[tuple[str, str | None], Alert]:
    with house.services.catalog.read() as session:
        return {(alert.cause, alert.region): alert for alert in session.scalars(select(Alert))}


def test_damage_is_an_integrity_alert_until_the_copy_is_mended(small_house: House) -> None:
    backup = small_house.back_up()
    damage(small_house, "us", "p/")
    verify(small_house, backup, "us", VerificationLevel.DATA)

    alert = alerts(small_house)["verify.damage", "us"]
    assert (alert.type, alert.severity, alert.state) == (AlertType.INTEGRITY, Severity.CRITICAL, AlertState.OPEN)
    assert (alert.message, alert.backup_id) == ("Backup damaged: tree in us", backup.id)

    assert [job.state for job in small_house.copy()] == ["succeeded"]
    assert alerts(small_house)["verify.damage", "us"].state is AlertState.RESOLVED


def test_a_region_that_fails_two_looks_is_alerted_about_until_it_answers(small_house: House) -> None:
    small_house.back_up()
    region = small_house.directory / "regions" / "us"
    shutil.move(region, region.with_name("away"))
    small_house.copy()
    assert alerts(small_house) == {}, "one look may be bad luck"

    small_house.copy()
    assert alerts(small_house)["region.down", "us"].severity is Severity.CRITICAL
    shutil.move(region.with_name("away"), region)
    small_house.copy()
    assert alerts(small_house)["region.down", "us"].state is AlertState.RESOLVED
