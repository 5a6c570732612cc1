"""Connections to the databases of applications, and what their drivers raise as errors of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from strongroom.errors import StrongroomError
from strongroom.logs.database_rows import keep_rows_out
from strongroom.rotation.errors import (
    TableNotFoundError,
    TargetDriverError,
    TargetRefusedError,
    TargetUnavailableError,
)
from strongroom.settings import DatabaseSettings

CONNECT_SECONDS = 15
_POSTGRES: dict[str, Any] = {
    "application_name": "strongroom",
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SQLITE = {"timeout": 30, "check_same_thread": False}
_REFUSED_STATES = ("28", "42501")
"""PostgreSQL: wrong login; no privilege."""
_REFUSED_NUMBERS = frozenset({1044, 1045, 1142, 1143})
"""MySQL and MariaDB: no access to the database, wrong login, no right to the table or column."""
_MISSING_STATES = frozenset({"42P01", "42703", "3F000"})
_MISSING_NUMBERS = frozenset({1054, 1146})
"""No such table, column or schema; the same two of MySQL and MariaDB."""


def open_database(settings: DatabaseSettings) -> Engine:
    """Return an engine for a database of an application; it connects on first use. Raises TargetDriverError."""
    address = settings.url.get_secret_value()
    if address.startswith(("postgresql://", "postgresql+psycopg://")):
        address = f"postgresql+psycopg://{address.partition('://')[2]}"
    try:
        return _open(address)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise TargetDriverError(
            f"The address of database {settings.name!r} cannot be used ({type(error).__name__}).",
            next_step="Spell it as SQLAlchemy does, and install its driver: for PostgreSQL strongroom[postgres].",
        ) from None


def _open(address: str) -> Engine:
    kind = address.partition("://")[0]
    arguments = _POSTGRES if kind == "postgresql+psycopg" else _SQLITE if kind.startswith("sqlite") else {}
    engine = create_engine(address, hide_parameters=True, pool_size=3, max_overflow=2, connect_args=arguments)
    keep_rows_out(engine)
    if kind.startswith("sqlite"):
        # Python's own transactions begin late; each of ours is begun by name.
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    if engine.dialect.name in ("mysql", "mariadb"):
        event.listen(engine, "connect", _wait_shortly)
    return engine


def _wait_shortly(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
    cursor.close()


@contextmanager
def translated_faults(database: str) -> Iterator[None]:
    """Raise TargetUnavailableError or TargetRefusedError for what SQLAlchemy says of a database; others pass."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, DBAPIError) as error:
        found = fault_of(database, getattr(error, "orig", None) or error)
        if found is None and not isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
            raise
        raise found or unavailable(database, error) from None


def fault_of(database: str, error: BaseException) -> StrongroomError | None:
    """Return the error for a driver's exception that is about the login, rights or connection; None for others."""
    state = str(getattr(error, "sqlstate", None) or "")
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if state.startswith(_REFUSED_STATES) or number in _REFUSED_NUMBERS or "authentication failed" in str(error):
        return TargetRefusedError(
            f"Database {database!r} refuses the login, or the right to read and change the column.",
            next_step="Give the role of the address SELECT on the table and UPDATE on the column.",
        )
    if state in _MISSING_STATES or number in _MISSING_NUMBERS or str(error).startswith("no such "):
        return TableNotFoundError(
            f"The table or the column is not in database {database!r} any more.",
            next_step="Put it back, or register it where it is now.",
        )
    # Class 08 is the connection, 57P an administrator's shutdown, 53 a lack of resources.
    if state.startswith(("08", "57P", "53")):
        return unavailable(database, error)
    return None


def unavailable(database: str, error: BaseException) -> TargetUnavailableError:
    """Return the error for a database that did not answer; the driver's words stay out, they may hold an address."""
    return TargetUnavailableError(
        f"Database {database!r} did not answer ({type(getattr(error, 'orig', None) or error).__name__}).",
        next_step="Check that it runs and that its address is right; the work goes on where it stopped.",
    )
