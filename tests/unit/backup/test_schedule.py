"""What a schedule says: the moments a source is due, and the kind of backup that is due."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from strongroom.backup.kinds import due_kind
from strongroom.backup.schedule import latest_slot, next_slots
from strongroom.catalog.backups import BackupKind
from strongroom.settings.schedules import FilesScheduleSettings, FullScheduleSettings

FULL, DIFFERENTIAL, INCREMENTAL = BackupKind.FULL, BackupKind.DIFFERENTIAL, BackupKind.INCREMENTAL

FILES = FilesScheduleSettings()
DATABASE = FullScheduleSettings()
OFF = FilesScheduleSettings(full="never", differential="never", incremental="never")


def at(day: int, hour: int = 12) -> datetime:
    """Return an hour in November 2026; the first is a Sunday."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_a_week_has_one_full_two_differential_and_four_incremental_backups() -> None:
    week = list(islice(next_slots(FILES, at(1, 0)), 8))
    assert [slot.at for slot in week] == [at(day, 1) for day in range(1, 9)]
    kinds = [FULL, INCREMENTAL, DIFFERENTIAL, INCREMENTAL, INCREMENTAL, DIFFERENTIAL, INCREMENTAL, FULL]
    assert [slot.kind for slot in week] == kinds


def test_a_database_is_backed_up_twice_a_day() -> None:
    slots = list(islice(next_slots(DATABASE, at(3)), 3))
    assert [(slot.at, slot.kind) for slot in slots] == [(at(3, 13), FULL), (at(4, 1), FULL), (at(4, 13), FULL)]
    assert latest_slot(DATABASE, at(3)) == at(3, 1)


def test_a_schedule_that_is_never_due_has_no_moments() -> None:
    assert latest_slot(OFF, at(3)) is None
    assert list(next_slots(OFF, at(3))) == []


def kind_of(now: datetime, last_full: datetime | None, last_differential: datetime | None = None) -> BackupKind:
    return due_kind(FILES, now, last_full=last_full, last_differential=last_differential)


@pytest.mark.parametrize("day", range(1, 8))
def test_without_a_full_backup_a_full_one_is_due(day: int) -> None:
    assert kind_of(at(day), None) is FULL


def test_each_day_has_its_kind_when_all_went_well() -> None:
    assert kind_of(at(1), at(1, 1)) is INCREMENTAL
    assert kind_of(at(2), at(1, 1)) is INCREMENTAL
    assert kind_of(at(3), at(1, 1)) is DIFFERENTIAL
    assert kind_of(at(4), at(1, 1), at(3, 1)) is INCREMENTAL
    assert kind_of(at(6), at(1, 1), at(3, 1)) is DIFFERENTIAL
    assert kind_of(at(8), at(1, 1), at(6, 1)) is FULL


def test_a_full_backup_that_failed_stays_due() -> None:
    assert kind_of(at(12), at(1, 1), at(10, 1)) is FULL


def test_a_differential_backup_that_was_missed_stays_due() -> None:
    assert kind_of(at(5), at(1, 1)) is DIFFERENTIAL


def test_a_later_full_backup_makes_up_for_a_missed_differential_one() -> None:
    assert kind_of(at(5), at(4)) is INCREMENTAL


def test_a_source_that_is_backed_up_in_full_only_has_nothing_else_due() -> None:
    assert due_kind(DATABASE, at(3), last_full=at(3, 2), last_differential=None) is FULL
