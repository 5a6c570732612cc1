"""Engines are safe by default and say what is wrong in words that help."""

import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from strongroom.catalog import engine as engine_module
from strongroom.catalog.engine import open_engine
from strongroom.catalog.errors import CatalogUnavailableError, CatalogUrlError
from strongroom.catalog.jobs import PausedQueue
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.testing.postgres import ScratchPostgres

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "url", ["", "catalog.db", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "nonsense://x"]
)
def test_an_address_that_is_no_catalog_is_refused(url: str):
    with pytest.raises(CatalogUrlError):
        open_engine(url)


def test_opening_an_engine_touches_nothing(tmp_path: Path):
    open_engine(f"sqlite:///{tmp_path / 'catalog.db'}")
    open_engine("postgresql://nobody@127.0.0.1:1/none")

    assert list(tmp_path.iterdir()) == []


def test_the_catalog_file_and_its_journals_are_private(tmp_path: Path):
    catalog = Catalog(open_engine(f"sqlite:///{tmp_path / 'catalog.db'}"))
    upgrade(catalog.engine)

    with catalog.begin() as session:
        session.execute(text("DELETE FROM heartbeat"))
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert files == {"catalog.db": 0o600, "catalog.db-wal": 0o600, "catalog.db-shm": 0o600}


def test_a_new_file_that_somebody_else_is_writing_to_is_waited_for(tmp_path: Path):
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        rival.execute("CREATE TABLE elsewhere (x)")
        ending = threading.Timer(0.3, rival.execute, ["COMMIT"])
        ending.start()

        upgrade(open_engine(f"sqlite:///{path}"))
        ending.join()


def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path: Path):
    with open_engine(f"sqlite:///{tmp_path / 'catalog.db'}").connect() as connection:
        pragmas = {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        pragmas |= {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("foreign_keys", "busy_timeout")}

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_directory_that_is_missing_is_named(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path / 'absent' / 'catalog.db'}")

    with pytest.raises(CatalogUnavailableError, match="absent"):
        upgrade(engine)


def test_a_server_that_is_away_is_a_passing_fault_and_the_password_stays_secret():
    catalog = Catalog(open_engine("postgresql://someone:hush@127.0.0.1:1/none"))

    with pytest.raises(CatalogUnavailableError) as refused, catalog.begin() as session:
        session.execute(text("SELECT 1"))

    assert refused.value.retryable
    assert "hush" not in str(refused.value)


def test_a_cut_connection_is_a_passing_fault(postgres_server: ScratchPostgres, postgres_catalog_url: str):
    catalog = Catalog(open_engine(postgres_catalog_url))

    def lose_the_connection() -> None:
        with catalog.begin() as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            with postgres_server.connect() as connection:
                connection.execute(f"SELECT pg_terminate_backend({pid})".encode())
            session.execute(text("SELECT 1"))

    with pytest.raises(CatalogUnavailableError):
        lose_the_connection()

    with catalog.begin() as session:
        assert session.scalar(text("SELECT 1")) == 1
    catalog.close()


def test_a_row_that_refers_to_nothing_is_refused(catalog: Catalog):
    orphan = text("INSERT INTO job_step (job_id, step, fence, done_at) VALUES (:id, 's', 1, '2026-01-01')")

    with pytest.raises(IntegrityError), catalog.begin() as session:
        session.execute(orphan, {"id": "0" * 32})


def test_reading_does_not_wait_for_a_writer(catalog: Catalog):
    with catalog.begin() as writer:
        writer.execute(text("DELETE FROM heartbeat"))
        with catalog.read() as reader:
            assert reader.scalar(text("SELECT count(*) FROM heartbeat")) == 0


def test_what_a_failed_block_wrote_is_rolled_back(catalog: Catalog):
    insert = text("INSERT INTO heartbeat VALUES ('w', 'worker', 'h', 1, '2026-01-01', '2026-01-01', NULL)")

    def insert_and_fail() -> None:
        with catalog.begin() as session:
            session.execute(insert)
            raise LookupError

    with pytest.raises(LookupError):
        insert_and_fail()

    with catalog.read() as session:
        assert session.scalar(text("SELECT count(*) FROM heartbeat")) == 0


def test_a_connection_that_rested_is_replaced_when_the_server_has_closed_it(
    postgres_server: ScratchPostgres, postgres_catalog_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine_module, "REST_SECONDS", 0.0)
    catalog = Catalog(open_engine(postgres_catalog_url))
    with catalog.begin() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with postgres_server.connect() as connection:
        connection.execute(f"SELECT pg_terminate_backend({pid}, 5000)".encode())

    with catalog.begin() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != pid
    catalog.close()


@pytest.mark.parametrize("begin", ["begin", "alone", "read"])
def test_a_connection_the_server_has_closed_is_replaced_however_short_its_rest_was(
    postgres_server: ScratchPostgres, postgres_catalog_url: str, monkeypatch: pytest.MonkeyPatch, begin: str
):
    monkeypatch.setattr(engine_module, "REST_SECONDS", float("inf"))
    catalog = Catalog(open_engine(postgres_catalog_url))
    with getattr(catalog, begin)() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with postgres_server.connect() as other:
        other.execute(f"SELECT pg_terminate_backend({pid}, 5000)".encode())

    with getattr(catalog, begin)() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid
    catalog.close()


def test_no_transaction_fails_after_the_server_has_restarted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_module, "REST_SECONDS", float("inf"))
    with ScratchPostgres() as server:
        catalog = Catalog(open_engine(server.url()))
        with catalog.read() as one, catalog.read() as two, catalog.read() as three:
            sessions = {session.scalar(text("SELECT pg_backend_pid()")) for session in (one, two, three)}

        server.stop(immediate=True)
        server.start()

        with catalog.begin() as one, catalog.begin() as two, catalog.read() as three:
            assert {session.scalar(text("SELECT 1")) for session in (one, two, three)} == {1}
        catalog.close()
    assert len(sessions) == 3


def test_what_the_server_says_unasked_is_no_reason_to_give_a_connection_up(
    postgres_server: ScratchPostgres, postgres_catalog_url: str
):
    catalog = Catalog(open_engine(postgres_catalog_url))
    with catalog.alone() as connection:
        connection.execute(text("LISTEN news"))
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(postgres_catalog_url, autocommit=True) as other:
        other.execute("NOTIFY news")

    with catalog.begin() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) == pid
    catalog.close()


def test_a_statement_alone_is_committed_at_once(catalog: Catalog):
    with catalog.alone() as connection:
        connection.execute(insert(PausedQueue), {"queue": "copy", "paused_at": NOW, "paused_by": "me", "reason": "-"})
        with catalog.read() as other:
            seen = len(other.scalars(select(PausedQueue)).all())

    with catalog.read() as session:
        assert len(session.scalars(select(PausedQueue)).all()) == 1
    assert seen == (1 if catalog.engine.dialect.name == "postgresql" else 0)


@pytest.mark.parametrize(
    ("default", "ours"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply"), ("local", "local")]
)
def test_commits_wait_for_the_disk_also_where_the_database_lets_them_not(
    postgres_catalog_url: str, default: str, ours: str
):
    with psycopg.connect(postgres_catalog_url, autocommit=True) as owner:
        name = owner.info.dbname
        owner.execute(f"ALTER DATABASE {name} SET synchronous_commit = {default}".encode())
    catalog = Catalog(open_engine(postgres_catalog_url))

    with catalog.begin() as session, catalog.alone() as connection:
        seen = {run(text("SHOW synchronous_commit")).scalar() for run in (session.execute, connection.execute)}
    catalog.close()

    assert seen == {ours}
