"""Counting the rows of every table of a database, in the very state that a dump sees."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

import psycopg
from psycopg import sql

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.postgres.connection import Connection, connect
from strongroom.sources.postgres.holding import TableRows
from strongroom.sources.postgres.marked import list_marked
from strongroom.tracing import carried

MOST_TABLES = 20_000
"""Tables of a database that are counted; the counts travel in the head of the manifest."""

_WAIT_SECONDS = 0.5
_LOCK_TIMEOUT = "2s"

# What belongs to an extension is made by it, and of it only what it calls its configuration is dumped.
TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
       AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                                     AND d.deptype = 'e')
     ORDER BY 1, 2
"""


class Counting:
    """A count that goes on beside a dump; `snapshot` names the state that both see."""

    def __init__(self, settings: PostgresSourceSettings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        self.snapshot = str(row[0]) if row else ""
        self._counted: list[TableRows] = []
        self._stopped = False
        self._thread = threading.Thread(target=carried(self._count), name="postgres-row-count", daemon=True)
        self._thread.start()

    def result(self, check: Callable[[], None]) -> list[TableRows]:
        """Wait for the end and return what could be counted; `check` is called twice a second and may raise."""
        while self._thread.is_alive():
            check()
            self._thread.join(_WAIT_SECONDS)
        return self._counted

    def stop(self) -> None:
        """End the count where it is."""
        self._stopped = True
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=5)
        self._thread.join()
        self._connection.close()

    def _count(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            tables = self._connection.execute(TABLES).fetchall()
            left_out = set(list_marked(self._connection))
            dumped = [at for at in tables if at not in left_out and is_dumped(self._settings, *at)]
            for schema, table in dumped[:MOST_TABLES]:
                if self._stopped:
                    return
                rows = count_rows(self._connection, schema, table)
                if rows is not None:
                    self._counted.append(TableRows(schema, table, rows))


@contextmanager
def counting(settings: PostgresSourceSettings, database: str) -> Iterator[Counting | None]:
    """Begin to count; gives None where that is not wanted or not possible: a backup does not fail for its counts."""
    count = _begin(settings, database) if settings.count_rows else None
    try:
        yield count
    finally:
        if count is not None:
            count.stop()


def count_rows(connection: Connection, schema: str, table: str) -> int | None:
    """Return the rows of one table as the transaction sees them, or None where they cannot be read."""
    query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table))
    try:
        with connection.transaction():
            row = connection.execute(query).fetchone()
    except psycopg.OperationalError:
        if connection.closed:
            raise
        return None
    except psycopg.Error:
        return None
    return int(row[0]) if row else None


def is_dumped(settings: PostgresSourceSettings, schema: str, table: str) -> bool:
    """Tell about whether pg_dump takes the rows of a table; a count too many is only time."""
    left_out = (*settings.exclude_tables, *settings.exclude_table_data)
    if _matches(left_out, schema, table) or _names(settings.exclude_schemas, schema):
        return False
    if settings.tables:
        return _matches(settings.tables, schema, table)
    return not settings.schemas or _names(settings.schemas, schema)


def _matches(patterns: Sequence[str], schema: str, table: str) -> bool:
    return any(
        fnmatchcase(f"{schema}.{table}", plain) if "." in plain else fnmatchcase(table, plain)
        for plain in map(_plain, patterns)
    )


def _names(patterns: Sequence[str], schema: str) -> bool:
    return any(fnmatchcase(schema, _plain(pattern)) for pattern in patterns)


def _plain(pattern: str) -> str:
    """Return a pattern of psql without its quotes, and in lower case where it has none."""
    return pattern.replace('"', "") if '"' in pattern else pattern.lower()


def _begin(settings: PostgresSourceSettings, database: str) -> Counting | None:
    connection = None
    try:
        connection = connect(settings, database)
        return Counting(settings, connection)
    except (StrongroomError, psycopg.Error):
        if connection is not None:
            connection.close()
        return None
