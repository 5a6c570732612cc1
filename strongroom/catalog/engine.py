"""Open the catalog's database with the settings that make it safe."""

import os
import select
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from strongroom.catalog.errors import CatalogUnavailableError, CatalogUrlError
from strongroom.catalog.json_text import write_json
from strongroom.catalog.statements import record_statements
from strongroom.clock import SystemClock
from strongroom.logs.database_rows import keep_rows_out
from strongroom.spans.recording import is_recording

CLOCK = SystemClock()
SQLITE_BUSY_SECONDS = 30
SQLITE_RETRY_SECONDS = 0.05
REST_SECONDS = 1.0
RESTING_SINCE = "strongroom_resting_since"

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
    engine = _open_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _open_postgres(parsed)
    keep_rows_out(engine)
    if is_recording():
        record_statements(engine)
    return engine


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
    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_verify_connection, engine.dialect))
    return engine


def _make_durable(connection: Any, _entry: ConnectionPoolEntry) -> None:
    """Have commits wait for the disk where the server's default lets them not, and leave stricter defaults alone.

    What a commit said must outlive the server's crash: a lease, an alert, a key that was given.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _note_rest(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[RESTING_SINCE] = CLOCK.monotonic()


def _verify_connection(
    dialect: Dialect, connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Try a connection that may have been closed, so that it is replaced instead of failing a transaction.

    That is one whose server has said something unasked, which its last words are too, and one that has rested, because
    a server that vanished says nothing. Not every one: the question costs as much as a statement, the look a
    microsecond.
    """
    rest = CLOCK.monotonic() - entry.info.get(RESTING_SINCE, CLOCK.monotonic())
    try:
        if rest >= REST_SECONDS or _has_news(connection):
            dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _has_news(connection: Any) -> bool:
    """Say whether there is something to read, or the connection is broken."""
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


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

    event.listen(engine, "connect", partial(_prepare_sqlite, path))
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


def _prepare_sqlite(path: Path, connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Which file this is: one that was put in its place has another number.
    connection.create_function("strongroom_file_number", 0, lambda: str(path.stat().st_ino))
    # Python's own transaction handling begins late and deferred; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    _write_ahead(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to write-ahead logging, which SQLite refuses at once while somebody else is writing to it."""
    until = CLOCK.monotonic() + SQLITE_BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if CLOCK.monotonic() >= until:
                raise
            CLOCK.sleep(SQLITE_RETRY_SECONDS)


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads first and then writes cannot find itself stale.
    reading = connection.get_execution_options().get("strongroom_read_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reading else "BEGIN IMMEDIATE")
