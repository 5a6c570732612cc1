"""Tables whose rows stay out of every backup, because their comment says so."""

import logging

import psycopg

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import DatabaseNotFoundError
from strongroom.sources.postgres.connection import Connection, connect, connection_error, hide_password
from strongroom.tree.mark import ROWS_STAY_OUT

log = logging.getLogger(__name__)

_MARKED = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND position(%s IN obj_description(c.oid, 'pg_class')) = 1
     ORDER BY 1, 2
"""

Table = tuple[str, str]
"""Schema and name."""


def marked_tables(settings: PostgresSourceSettings, database: str) -> tuple[Table, ...]:
    """Return the marked tables of a database; none where it is gone. Raises ServerUnreachableError, WrongPasswordError.

    A backup that cannot know them is not made: it could hold what must never come back.
    """
    try:
        with connect(settings, database) as connection:
            found = list_marked(connection)
    except DatabaseNotFoundError:
        # As pg_dump will say.
        return ()
    except psycopg.Error as error:
        raise connection_error(settings, database, hide_password(settings, str(error))) from None
    if found:
        names = ", ".join(f"{schema}.{table}" for schema, table in found)
        log.info("database %s: without the rows of %s, whose comment says so", database, names)
    return found


def list_marked(connection: Connection) -> tuple[Table, ...]:
    """Return the marked tables of the database that is connected."""
    return tuple((str(schema), str(table)) for schema, table in connection.execute(_MARKED, (ROWS_STAY_OUT,)))


def without_rows(tables: tuple[Table, ...]) -> list[str]:
    """Return the options of pg_dump that leave their rows out."""
    return [f"--exclude-table-data={_quoted(schema)}.{_quoted(table)}" for schema, table in tables]


def _quoted(name: str) -> str:
    # Between quotes a pattern of pg_dump means itself.
    return '"' + name.replace('"', '""') + '"'
