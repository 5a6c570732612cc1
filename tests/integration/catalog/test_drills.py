"""The catalog knows which backups a drill has proven."""

import uuid
from datetime import UTC, datetime, timedelta

from strongroom.catalog.backups import Backup, BackupKind, BackupState
from strongroom.catalog.drills import Drill, DrillState, drilled_backups
from strongroom.catalog.session import Catalog

START = datetime(2026, 1, 1, tzinfo=UTC)
PASSED, FAILED, OPEN = DrillState.PASSED, DrillState.FAILED, DrillState.OPEN


def store(catalog: Catalog, *rows: object) -> None:
    with catalog.begin() as session:
        for row in rows:
            session.add(row)
            session.flush()


def backup(number: int, state: BackupState = BackupState.COMMITTED) -> Backup:
    return Backup(
        id=uuid.UUID(int=number),
        source="photos",
        source_kind="files",
        kind=BackupKind.FULL,
        state=state,
        session_id=uuid.UUID(int=1000 + number),
        trace_id="0" * 32,
        policy="operational-data",
        regions=["home"],
        created_at=START + timedelta(hours=number),
    )


def drill(number: int, backup_number: int | None, state: DrillState) -> Drill:
    ended = None if state is OPEN else START + timedelta(days=number)
    backup_id = None if backup_number is None else uuid.UUID(int=backup_number)
    return Drill(
        id=uuid.UUID(int=number),
        source="photos",
        backup_id=backup_id,
        state=state,
        created_at=START,
        finished_at=ended,
    )


def test_what_a_drill_has_restored_is_proven_or_doubted_by_its_last_decided_drill(catalog: Catalog):
    store(catalog, backup(1), backup(2), backup(3), backup(4))
    store(catalog, drill(11, 1, PASSED), drill(12, 2, PASSED), drill(13, 2, FAILED), drill(14, 3, FAILED))
    store(catalog, drill(15, 3, PASSED), drill(16, 1, OPEN), drill(17, None, OPEN), drill(18, 4, FAILED))

    with catalog.read() as session:
        found = drilled_backups(session, "photos")

    assert found == {uuid.UUID(int=1): PASSED, uuid.UUID(int=2): FAILED, uuid.UUID(int=3): PASSED}


def test_a_retired_backup_proves_nothing(catalog: Catalog):
    store(catalog, backup(1, BackupState.RETIRED), drill(11, 1, PASSED))

    with catalog.read() as session:
        assert drilled_backups(session, "photos") == {}
