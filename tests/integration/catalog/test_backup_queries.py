"""The catalog answers questions about backups and pages through them."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from strongroom.catalog.backup_queries import (
    find_latest_committed,
    get_backup,
    get_restore,
    get_verification,
    latest_per_source,
    list_backups,
    list_replicas,
    list_restores,
    list_verifications,
    wanted_replicas,
)
from strongroom.catalog.backups import (
    Backup,
    BackupKind,
    BackupState,
    Replica,
    ReplicaState,
    Restore,
    Verification,
    VerificationLevel,
)
from strongroom.catalog.errors import BadCursorError, BadLimitError, RecordNotFoundError
from strongroom.catalog.session import Catalog

START = datetime(2026, 1, 1, tzinfo=UTC)
COMMITTED, RUNNING, ABORTED = BackupState.COMMITTED, BackupState.RUNNING, BackupState.ABORTED


def backup(number: int, source: str = "photos", state: BackupState = COMMITTED) -> Backup:
    return Backup(
        id=uuid.UUID(int=number),
        source=source,
        source_kind="files",
        kind=BackupKind.FULL,
        state=state,
        session_id=uuid.UUID(int=1000 + number),
        trace_id="0" * 32,
        policy="operational-data",
        regions=["home", "away"],
        created_at=START + timedelta(hours=number),
    )


def replica(number: int, region: str, state: ReplicaState) -> Replica:
    return Replica(backup_id=uuid.UUID(int=number), region=region, state=state, updated_at=START)


def store(catalog: Catalog, *rows: object) -> None:
    with catalog.begin() as session:
        for row in rows:
            session.add(row)
            session.flush()


def numbers(rows: object) -> list[int]:
    return [row.id.int for row in rows]  # type: ignore[attr-defined]  # any of the three kinds of rows


def test_a_backup_comes_back_as_it_was_stored(catalog: Catalog):
    store(catalog, backup(1, state=RUNNING))

    with catalog.read() as session:
        found = get_backup(session, uuid.UUID(int=1))

    assert (found.state, found.kind, found.regions) == (BackupState.RUNNING, BackupKind.FULL, ["home", "away"])
    assert isinstance(found.state, BackupState)
    assert (found.created_at, found.committed_at) == (START + timedelta(hours=1), None)
    assert (found.files, found.problems, found.facts, found.partial) == (0, [], {}, False)


@pytest.mark.parametrize("get", [get_backup, get_restore, get_verification])
def test_an_unknown_id_is_not_found(catalog: Catalog, get: Callable[[Session, uuid.UUID], object]):
    with catalog.read() as session, pytest.raises(RecordNotFoundError):
        get(session, uuid.UUID(int=1))


def test_backups_are_listed_newest_first_and_filtered(catalog: Catalog):
    store(catalog, backup(1), backup(2, "ledgers"), backup(3, state=ABORTED), backup(4))

    with catalog.read() as session:
        assert numbers(list_backups(session).items) == [4, 3, 2, 1]
        assert numbers(list_backups(session, source="photos").items) == [4, 3, 1]
        assert numbers(list_backups(session, source="photos", state=COMMITTED).items) == [4, 1]


def test_pages_neither_repeat_nor_skip_although_rows_arrive(catalog: Catalog):
    store(catalog, *(backup(number) for number in range(1, 6)))
    with catalog.read() as session:
        first = list_backups(session, limit=2)
    store(catalog, backup(6))

    with catalog.read() as session:
        second = list_backups(session, limit=2, cursor=first.next_cursor)
        third = list_backups(session, limit=2, cursor=second.next_cursor)

    assert [numbers(page.items) for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third.next_cursor is None


def test_a_last_page_that_is_full_has_no_next(catalog: Catalog):
    store(catalog, backup(1), backup(2))

    with catalog.read() as session:
        assert list_backups(session, limit=2).next_cursor is None


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_of_an_impossible_size_is_refused(catalog: Catalog, limit: int):
    with catalog.read() as session, pytest.raises(BadLimitError):
        list_backups(session, limit=limit)


def test_a_cursor_that_is_none_is_refused(catalog: Catalog):
    with catalog.read() as session, pytest.raises(BadCursorError):
        list_backups(session, cursor="nonsense")


def test_restores_and_verifications_are_listed_by_backup(catalog: Catalog):
    store(catalog, backup(1), backup(2))
    for number, of in ((11, 1), (12, 2)):
        ids = {"id": uuid.UUID(int=number), "backup_id": uuid.UUID(int=of), "region": "home", "created_at": START}
        store(catalog, Restore(target={"kind": "files", "path": "x"}, **ids))
        store(catalog, Verification(level=VerificationLevel.DATA, passed=True, **ids))

    with catalog.read() as session:
        for rows in (list_restores, list_verifications):
            assert numbers(rows(session).items) == [12, 11]
            assert numbers(rows(session, backup_id=uuid.UUID(int=1)).items) == [11]
        assert get_restore(session, uuid.UUID(int=11)).target == {"kind": "files", "path": "x"}
        assert get_verification(session, uuid.UUID(int=11)).level is VerificationLevel.DATA


def test_wanted_replicas_are_those_that_committed_backups_lack(catalog: Catalog):
    store(catalog, backup(1), backup(2), backup(3, state=RUNNING))
    store(catalog, *(replica(number, "home", ReplicaState.PRESENT) for number in (1, 2)))
    store(catalog, replica(2, "away", ReplicaState.WANTED), replica(1, "away", ReplicaState.DAMAGED))
    store(catalog, replica(3, "away", ReplicaState.WANTED), replica(1, "third", ReplicaState.WANTED))

    with catalog.read() as session:
        wanted = [(row.backup_id.int, row.region) for row in wanted_replicas(session)]
        assert [row.region for row in list_replicas(session, uuid.UUID(int=1))] == ["away", "home", "third"]

    assert wanted == [(1, "away"), (1, "third"), (2, "away")]


def test_the_latest_backup_is_the_newest_committed_one(catalog: Catalog):
    store(catalog, backup(1), backup(2), backup(3, state=RUNNING), backup(4, "ledgers"), backup(5, "mail", ABORTED))

    with catalog.read() as session:
        assert numbers([find_latest_committed(session, "photos")]) == [2]
        assert find_latest_committed(session, "mail") is None
        latest = latest_per_source(session)

    assert {source: found.id.int for source, found in latest.items()} == {"photos": 2, "ledgers": 4}
