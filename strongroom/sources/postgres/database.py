"""What a PostgreSQL server says about itself and its databases."""

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import ServerUnreachableError
from strongroom.sources.postgres.connection import Connection, connect

# The size of a database that the role may not connect to is not told.
_DESCRIBE = """
    SELECT datname, pg_encoding_to_char(encoding), datcollate, datctype, datistemplate,
           CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END
      FROM pg_database WHERE datallowconn ORDER BY datname
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
    """A database; size in bytes as the server counts it."""

    name: str
    encoding: str
    collate: str
    ctype: str
    template: bool
    size: int


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """A server, with every database that accepts connections; `reads_passwords` is what the role may do."""

    major: int
    version: str
    reads_passwords: bool
    databases: tuple[DatabaseDescription, ...]


def describe(connection: Connection) -> ServerDescription:
    """Ask for the server's databases; raises ServerUnreachableError."""
    try:
        rows = connection.execute(_DESCRIBE).fetchall()
        version, reads_passwords = connection.execute(
            "SELECT current_setting('server_version'), has_table_privilege('pg_catalog.pg_authid', 'SELECT')"
        ).fetchall()[0]
    except psycopg.Error as error:
        raise _lost(error) from error
    databases = tuple(DatabaseDescription(*row) for row in rows)
    return ServerDescription(server_major(connection), version, reads_passwords, databases)


def server_major(connection: Connection) -> int:
    """Return the server's major version, such as 16."""
    return connection.info.server_version // 10_000


def create_schemas(settings: PostgresSourceSettings, database: str, schemas: Iterable[str]) -> None:
    """Make schemas in a database; raises as `connect`."""
    with connect(settings, database) as connection:
        for schema in schemas:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))


def holds_something(connection: Connection) -> bool:
    """Tell whether anybody has made a table, type, function, schema or large object in the database."""
    row = connection.execute(_HOLDS_SOMETHING).fetchone()
    return row is not None and bool(row[0])


def _lost(error: psycopg.Error) -> ServerUnreachableError:
    return ServerUnreachableError(
        f"The PostgreSQL server did not list its databases: {str(error).splitlines()[0]}.",
        next_step="Check that the server stays up.",
    )
