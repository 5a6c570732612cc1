"""What a PostgreSQL server says about one of its databases."""

from dataclasses import dataclass

import psycopg

from strongroom.sources.errors import ServerUnreachableError
from strongroom.sources.postgres.connection import Connection

_DESCRIBE = """
    SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_database(),
           pg_encoding_to_char(encoding), datcollate, datctype, pg_database_size(oid)
      FROM pg_database WHERE datname = current_database()
"""
# Objects that belong to an extension or to PostgreSQL itself do not make a database non-empty.
_HOLDS_SOMETHING = """
    WITH own AS (
        SELECT oid FROM pg_namespace
         WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
    ), extended AS (SELECT objid FROM pg_depend WHERE deptype = 'e')
    SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace IN (TABLE own) AND oid NOT IN (TABLE extended))
        OR EXISTS (SELECT FROM pg_proc WHERE pronamespace IN (TABLE own) AND oid NOT IN (TABLE extended))
        OR EXISTS (SELECT FROM pg_type WHERE typnamespace IN (TABLE own) AND oid NOT IN (TABLE extended))
        OR EXISTS (SELECT FROM pg_namespace WHERE nspname <> 'public' AND oid IN (TABLE own)
                                                  AND oid NOT IN (TABLE extended))
        OR EXISTS (SELECT FROM pg_largeobject_metadata)
"""


@dataclass(frozen=True, slots=True)
class DatabaseDescription:
    """A database and its server; major such as 16, size in bytes as the server counts it."""

    major: int
    server_version: str
    name: str
    encoding: str
    collate: str
    ctype: str
    size: int


def describe(connection: Connection) -> DatabaseDescription:
    """Ask for the database that the connection is in; raises ServerUnreachableError."""
    try:
        row = connection.execute(_DESCRIBE).fetchone()
    except psycopg.Error as error:
        raise _lost(error) from error
    if row is None:
        raise _lost(None)
    number, *rest = row
    return DatabaseDescription(number // 10_000, *rest)


def server_major(connection: Connection) -> int:
    """Return the server's major version, such as 16."""
    return connection.info.server_version // 10_000


def holds_something(connection: Connection) -> bool:
    """Tell whether anybody has made a table, type, function, schema or large object in the database."""
    row = connection.execute(_HOLDS_SOMETHING).fetchone()
    return row is not None and bool(row[0])


def _lost(error: psycopg.Error | None) -> ServerUnreachableError:
    reason = str(error).splitlines()[0] if error else "no answer"
    return ServerUnreachableError(
        f"The PostgreSQL server did not describe the database: {reason}.",
        next_step="Check that the server stays up and that the database was not dropped.",
    )
