"""Open the catalog's database with the settings that make it safe, and bring its tables up to date."""

import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from strongroom.catalog.errors import CatalogUnavailableError, CatalogUrlError, SchemaOutdatedError, SchemaTooNewError
from strongroom.catalog.faults import translated_faults
from strongroom.catalog.json_text import write_json
from strongroom.clock import SystemClock

CLOCK = SystemClock()
SQLITE_BUSY_SECONDS = 30
REST_SECONDS = 1.0
RESTING_SINCE = "strongroom_resting_since"
UPGRADE_LOCK = 0x5354524F4E47524D
"""The PostgreSQL advisory lock held during an upgrade ("STRONGRM" in ASCII)."""

POSTGRES_CONNECT_ARGS: dict[str, Any] = {
    "application_name": "strongroom",
    "connect_timeout": 10,
    # A peer that vanished without a word is noticed after a minute instead of two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # A process frozen inside a transaction must not hold a job's row for ever.
    "options": "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000",
}


def open_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///path` or `postgresql://...`; connects on first use. Raises CatalogUrlError."""
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    return _open_postgres(parsed)


def _open_postgres(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=5,
        max_overflow=10,
        pool_recycle=1800,
        hide_parameters=True,
        json_serializer=write_json,
        connect_args=POSTGRES_CONNECT_ARGS,
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_verify_rested, engine.dialect))
    return engine


def _note_rest(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[RESTING_SINCE] = CLOCK.monotonic()


def _verify_rested(
    dialect: Dialect, connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Try a connection that has rested, so that one the server closed is replaced instead of failing a transaction.

    Not one that was in use a moment ago: the question costs as much as a statement, and the ledger is asked often.
    """
    if CLOCK.monotonic() - entry.info.get(RESTING_SINCE, CLOCK.monotonic()) < REST_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision; a second process doing the same waits and finds it done.

    Raises SchemaTooNewError when a newer Strongroom was here before, CatalogUnavailableError when the database is away.
    """
    with translated_faults(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            _wait_for_turn(connection)
        _refuse_unknown_revisions(connection)
        config = _alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def verify_schema(engine: Engine) -> None:
    """Return when the tables are exactly what this version expects; raises SchemaOutdatedError or SchemaTooNewError."""
    with translated_faults(), engine.connect() as connection:
        _refuse_unknown_revisions(connection)
        current = set(MigrationContext.configure(connection).get_current_heads())
    if current != set(_scripts().get_heads()):
        raise SchemaOutdatedError(
            "The catalog's tables are older than this version of Strongroom.",
            next_step="Run `strongroom init --upgrade`, then start the processes again.",
        )


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
        supported = parsed.get_backend_name() in ("sqlite", "postgresql")
    except ArgumentError:
        supported = False
    if not supported or (parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise CatalogUrlError(
            "The catalog's address is neither a SQLite file nor a PostgreSQL database.",
            next_step="Write it as sqlite:///path/to/catalog.db or postgresql://user:password@host:5432/database.",
        )
    return parsed


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, json_serializer=write_json, connect_args={"timeout": SQLITE_BUSY_SECONDS}
    )
    path = Path(url.database or "")

    @event.listens_for(engine, "do_connect")
    def make_private_file(*_: object) -> None:
        _create_private(path)

    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, so that it and the journals beside it are readable by the owner only."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise CatalogUnavailableError(
            f"The catalog file {path} cannot be opened: {error.strerror}.",
            next_step="Check that its directory exists and belongs to the user Strongroom runs as.",
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Python's own transaction handling begins late and deferred; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads first and then writes cannot find itself stale.
    reading = connection.get_execution_options().get("strongroom_read_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reading else "BEGIN IMMEDIATE")


def _wait_for_turn(connection: Connection) -> None:
    # However long the other upgrade takes; its own wait for tables in use stays bounded.
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "strongroom.catalog:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_alembic_config())


def _refuse_unknown_revisions(connection: Connection) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise SchemaTooNewError(
            f"The catalog was made by a newer Strongroom (revision {sorted(unknown)[0]}).",
            next_step="Run the newer version, or point this one at its own catalog.",
        )
