"""`strongroom status`: what is late, alerts, a region that is away; and that it is what the API answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.status_documents import StatusDocument
from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.catalog.dbtime import database_now
from strongroom.catalog.schema import _scripts
from strongroom.catalog.version import newest_revision
from strongroom.catalog.watching import ExpectedRun
from strongroom.levels.status import status
from strongroom.replication.reconcile import look_at_regions
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings
from strongroom.watch.missed import look_for_missed
from tests.integration.cli.conftest import Run

HEALTHY, UNHEALTHY = 0, 4
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")
Tell = Callable[[str, Severity], None]


@pytest.fixture
def services(backed_up: str, tmp_path: Path) -> Iterator[Services]:
    """What the command itself opens, of an installation whose only source is protected."""
    runtime = build_runtime(load_settings(tmp_path / "strongroom.toml", {}))
    yield runtime.services()
    runtime.close()


@pytest.fixture
def tell(services: Services) -> Tell:
    """A function that opens an alert."""

    def open_one(cause: str, severity: Severity) -> None:
        with services.catalog.begin() as session:
            report = AlertReport(AlertType.FAILURE, severity, cause, f"It is {cause}", "Look.", database_now(session))
            open_alert(session, report)

    return open_one


def without_seconds(value: Any) -> Any:
    """Return what does not change while two answers are fetched."""
    if isinstance(value, dict):
        return {name: without_seconds(inner) for name, inner in value.items() if not name.endswith("_seconds")}
    return [without_seconds(inner) for inner in value] if isinstance(value, list) else value


def test_a_backup_that_was_missed_is_overdue_until_it_ran(installed: Run, services: Services):
    with services.catalog.begin() as session:
        look_for_missed(session, services.settings, database_now(session))
        expected = session.get_one(ExpectedRun, "uploads")
        expected.due_at = expected.alert_after = database_now(session)
        look_for_missed(session, services.settings, database_now(session))

    code, out, _ = installed("status")

    assert code == UNHEALTHY
    assert out.startswith("1 of 1 source overdue.")
    assert "OVERDUE" in out
    assert out.count("Backup missed: uploads") == 2
    told = json.loads(installed("status", "--json")[1])
    assert (told["sources"][0]["late"], told["sources"][0]["overdue"]) == ("Backup missed: uploads", True)

    assert installed("backup", "run", "uploads", "--here", "--quiet")[0] == HEALTHY
    with services.catalog.begin() as session:
        look_for_missed(session, services.settings, database_now(session))
    code, out, _ = installed("status")
    assert (code, "Backup missed" in out) == (HEALTHY, False)


def test_alerts_are_shown_and_a_critical_one_is_unhealthy(installed: Run, tell: Tell):
    tell("channel.failing", Severity.HIGH)
    code, out, _ = installed("status")
    assert (code, "It is channel.failing" in out) == (HEALTHY, True)

    for number in range(6):
        tell(f"broker.silent{number}", Severity.CRITICAL)
    code, out, _ = installed("status")

    assert code == UNHEALTHY
    assert out.startswith("Every source is protected, but 6 critical alerts open.")
    assert "2 more alerts: strongroom alerts list" in out
    told = json.loads(installed("status", "--json")[1])
    assert (told["open_alerts"], len(told["alerts"])) == ({"critical": 6, "high": 1}, 5)


def test_the_command_prints_what_the_api_answers(installed: Run, services: Services, tell: Tell):
    tell("broker.silent", Severity.CRITICAL)

    printed = json.loads(installed("status", "--json")[1])

    answered = StatusDocument.model_validate(status(services)).model_dump(mode="json")
    assert without_seconds(printed) == without_seconds(answered)


def test_a_region_that_is_away_is_named_and_the_others_counted(installed: Run, services: Services, tmp_path: Path):
    away = tmp_path / "regions/us-east-1"
    away.rename(tmp_path / "elsewhere")

    assert installed("backup", "run", "uploads", "--here", "--quiet")[0] == 3
    look_at_regions(services)
    code, out, _ = installed("status")

    assert code == UNHEALTHY
    assert out.startswith("1 of 1 source not protected.")
    row = next(line for line in out.splitlines() if line.startswith("uploads"))
    assert "2 of 3, us-east-1 wanted" in row
    assert [line.split()[1] for line in out.splitlines() if line.startswith(REGIONS)] == ["ok", "FAILING", "ok"]
    assert "Region us-east-1 cannot be relied on: The directory" in out

    (tmp_path / "elsewhere").rename(away)
    assert installed("backup", "run", "uploads", "--here", "--quiet")[0] == HEALTHY
    row = next(line for line in installed("status")[1].splitlines() if line.startswith("uploads"))
    assert "3 of 3 " in row


@pytest.mark.parametrize(
    ("revision", "code", "words"),
    [
        ("0001", "catalog.schema_outdated", "older than this version of Strongroom: revision 0001, not"),
        ("9999", "catalog.schema_too_new", "newer than this version of Strongroom: revision 9999, not"),
    ],
)
def test_tables_of_another_version_are_said_to_be_so(installed: Run, services: Services, revision: str, code, words):
    with services.catalog.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})

    ended, _, err = installed("status")

    assert ended == 1
    assert words in err
    assert code in err


def test_a_catalog_without_tables_is_told_from_one_that_does_not_answer(installed: Run, services: Services):
    with services.catalog.begin() as session:
        session.execute(text("DROP TABLE alembic_version"))

    ended, _, err = installed("status")

    assert ended == 1
    assert "has no tables of Strongroom" in err
    assert "strongroom init --upgrade" in err


def test_the_newest_revision_is_the_end_of_the_chain():
    assert _scripts().get_heads() == [newest_revision()]


def test_a_key_folder_that_is_not_there_is_said_before_anything_is_made(run: Run, tmp_path: Path):
    assert run("init", "--quiet")[0] == 0
    config = tmp_path / "strongroom.toml"
    config.write_text('[keyring]\npath = "disk/strongroom.keys"\n[regions.new]\npath = "elsewhere"\n')

    ended, _, err = run("init", "--upgrade")

    assert ended == 2
    assert "disk of the key file strongroom.keys is not there" in err
    assert "Mount it" in err
    assert not (tmp_path / "disk").exists()
    assert not (tmp_path / "elsewhere").exists()
