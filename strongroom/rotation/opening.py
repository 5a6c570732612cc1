"""Opening the table of a target, with what its kind of database needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from strongroom.rotation.access import TableAccess
from strongroom.rotation.connecting import open_database
from strongroom.rotation.generic import GenericTable
from strongroom.rotation.sqlite import SqliteTable
from strongroom.rotation.target import Target
from strongroom.settings import Settings


def open_table(engine: Engine, target: Target) -> TableAccess:
    """Return the access to a target's table; raises TargetUnavailableError, TargetRefusedError."""
    if engine.dialect.name == "sqlite":
        return SqliteTable(engine, target)
    if engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg":
        # Its driver is not there in every installation.
        from strongroom.rotation.postgres import PostgresTable

        return PostgresTable(engine, target)
    return GenericTable(engine, target)


@contextmanager
def opened_table(settings: Settings, target: Target) -> Iterator[TableAccess]:
    """Open the table of a target in the database that the settings name, and close it again.

    Raises UnknownDatabaseError, TargetDriverError, TargetUnavailableError, TargetRefusedError.
    """
    engine = open_database(settings.get_database(target.database))
    try:
        table = open_table(engine, target)
        try:
            yield table
        finally:
            table.close()
    finally:
        engine.dispose()
