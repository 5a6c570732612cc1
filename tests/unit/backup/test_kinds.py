"""Which kind of backup is made: what was asked for where it can be, else what is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.backup.errors import KindNotOfferedError
from strongroom.backup.kinds import LastBackups, RequestedKind, plan_kind, verify_offered
from strongroom.catalog.backups import BackupKind
from strongroom.settings.schedules import FilesScheduleSettings
from strongroom.settings.sources import FilesSourceSettings, LogsSourceSettings, PostgresSourceSettings

NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
TREE = FilesSourceSettings(name="tree", path=Path("/srv/tree"))
UNSCHEDULED = TREE.model_copy(update={"schedule": FilesScheduleSettings(enabled=False)})
SHOP = PostgresSourceSettings(name="shop", dbname="shop", user="backup")


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize("wanted", list(RequestedKind))
def test_the_first_backup_is_a_full_one_whatever_was_asked_for(wanted: RequestedKind) -> None:
    assert plan_kind(TREE, wanted, LastBackups(), NOW) is BackupKind.FULL


@pytest.mark.parametrize("wanted", [kind for kind in RequestedKind if kind is not RequestedKind.AUTO])
def test_later_ones_are_what_was_asked_for(wanted: RequestedKind) -> None:
    assert plan_kind(TREE, wanted, LastBackups(full=days_ago(90)), NOW).value == wanted.value


def test_by_itself_a_scheduled_source_gets_what_is_due() -> None:
    thursday = LastBackups(full=days_ago(1), differential=None)
    assert plan_kind(TREE, RequestedKind.AUTO, thursday, NOW) is BackupKind.INCREMENTAL
    assert plan_kind(TREE, RequestedKind.AUTO, LastBackups(full=days_ago(3)), NOW) is BackupKind.DIFFERENTIAL
    assert plan_kind(TREE, RequestedKind.AUTO, LastBackups(full=days_ago(8)), NOW) is BackupKind.FULL


def test_without_a_schedule_a_week_is_the_longest_between_full_backups() -> None:
    assert plan_kind(UNSCHEDULED, RequestedKind.AUTO, LastBackups(full=days_ago(6.9)), NOW) is BackupKind.INCREMENTAL
    assert plan_kind(UNSCHEDULED, RequestedKind.AUTO, LastBackups(full=days_ago(7.1)), NOW) is BackupKind.FULL


def test_logs_are_incremental_every_hour() -> None:
    logs = LogsSourceSettings(name="logs", path=Path("/var/log"), policy="critical-data")
    last = LastBackups(full=days_ago(1))
    assert plan_kind(logs, RequestedKind.AUTO, last, NOW) is BackupKind.INCREMENTAL
    assert logs.schedule.crons()["incremental"].next(NOW) == NOW + timedelta(hours=1)


def test_a_database_is_backed_up_in_full_only() -> None:
    verify_offered(SHOP, RequestedKind.AUTO)
    assert plan_kind(SHOP, RequestedKind.AUTO, LastBackups(full=days_ago(1)), NOW) is BackupKind.FULL
    with pytest.raises(KindNotOfferedError, match="full only, not incremental"):
        verify_offered(SHOP, RequestedKind.INCREMENTAL)
