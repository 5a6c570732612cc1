"""What a database has already, in the words of a dump's table of contents."""

from psycopg import sql

from strongroom.sources.postgres.connection import Connection
from strongroom.sources.postgres.picking import Thing

_THINGS = """
    SELECT 'SCHEMA', '', nspname FROM pg_namespace
    UNION ALL SELECT 'EXTENSION', '', extname FROM pg_extension
    UNION ALL SELECT 'RELATION', nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
               WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'TYPE', nspname, typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
    UNION ALL SELECT 'COLLATION', nspname, collname FROM pg_collation JOIN pg_namespace n ON n.oid = collnamespace
    UNION ALL SELECT 'FUNCTION', nspname, proname || '(' || array_to_string(
                     ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) AS t), ', ') || ')'
                FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
"""
_OWNED_SEQUENCES = """
    SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind = 'S' AND EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype IN ('a', 'i')
                                                              AND refclassid = 'pg_class'::regclass)
"""
_REFERRERS = """
    SELECT format('foreign key %%I of %%s', conname, conrelid::regclass) FROM pg_constraint
     WHERE contype = 'f' AND confrelid = ANY(%s::regclass[]) AND NOT conrelid = ANY(%s::regclass[])
    UNION SELECT format('view %%s', r.ev_class::regclass) FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid = ANY(%s::regclass[]) AND NOT r.ev_class = ANY(%s::regclass[])
     ORDER BY 1
"""


def present(connection: Connection) -> frozenset[Thing]:
    """Return the schemas, extensions, relations, types, collations and functions of the database."""
    return frozenset(Thing(*row) for row in connection.execute(_THINGS).fetchall())


def movable(connection: Connection, relations: frozenset[Thing]) -> list[Thing]:
    """Return the relations that can be moved by themselves; the sequence behind a column goes with its table."""
    owned = {Thing("RELATION", *row) for row in connection.execute(_OWNED_SEQUENCES).fetchall()}
    return sorted(relations - owned, key=lambda one: (one.schema, one.name))


def referrers(connection: Connection, relations: list[Thing]) -> list[str]:
    """Name the foreign keys and views outside the relations that refer to them."""
    names = [identifier(one).as_string(connection) for one in relations]
    return [row[0] for row in connection.execute(_REFERRERS, [names] * 4).fetchall()]


def filled(connection: Connection, tables: frozenset[Thing]) -> list[Thing]:
    """Return the tables that have a row."""
    found = []
    for table in sorted(tables, key=lambda one: (one.schema, one.name)):
        row = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(identifier(table))).fetchone()
        if row == (True,):
            found.append(table)
    return found


def identifier(one: Thing) -> sql.Identifier:
    """Return the quoted name of a relation."""
    return sql.Identifier(one.schema, one.name)
