"""A sample database with the types and objects that real ones have, and a way to compare two of them row by row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

SHOP = Path(__file__).with_name("shop.sql")

DEFINITIONS = """
SELECT 'column ' || table_name, column_name || ' ' || data_type || ' ' || coalesce(column_default, '') || is_nullable
    FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'view ' || viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL SELECT 'sequence ' || sequencename, last_value::text FROM pg_sequences WHERE schemaname = 'public'
ORDER BY 1, 2
"""
"""What a database is made of besides rows: columns, indexes, constraints, views and where the sequences stand."""

Connection = psycopg.Connection[tuple[Any, ...]]


def fill(connection: Connection) -> None:
    """Make the tables and their rows, the same ones every time."""
    connection.execute(SHOP.read_bytes())


def tables(connection: Connection) -> list[str]:
    """Return the names of the tables."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    return [name for (name,) in connection.execute(query)]


def rows(connection: Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table as text, in the order of their key."""
    query = sql.SQL("SELECT id::text, t::text FROM {} AS t ORDER BY id").format(sql.Identifier(table))
    with connection.transaction(), connection.cursor(name="rows") as cursor:
        yield from cursor.execute(query)


def differences(before: Connection, after: Connection) -> tuple[int, list[str]]:
    """Compare two databases; return how many rows were compared, and every difference in words."""
    found = []
    if before.execute(DEFINITIONS).fetchall() != after.execute(DEFINITIONS).fetchall():
        found.append("the definitions of tables, indexes, constraints, views or sequences differ")
    compared = 0
    for table in tables(before):
        left, right = list(rows(before, table)), list(rows(after, table))
        compared += len(left)
        if left != right:
            found.append(f"table {table}: {len(left)} rows before, {len(right)} after, or other values")
    return compared, found
