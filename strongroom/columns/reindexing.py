"""Bringing a blind index to the active version: a re-encryption rewrites tokens, and indexes are rewritten here."""

from typing import Any

from sqlalchemy import Column, Connection, String, Table, bindparam, func, select, tuple_, type_coerce, update

from strongroom.columns.blind_index import BlindIndex
from strongroom.columns.errors import misused
from strongroom.columns.in_use import PROCESS
from strongroom.columns.sealing import Indexing

BATCH = 500


def reindex(connection: Connection, index: Column[Any], *, batch: int = BATCH) -> int:
    """Index every row that is not indexed under the active version, and return how many were written.

    Takes the rows by their primary key and commits after each batch. A row is written only while its index is what was
    read, so that a write of the application in between wins. Raises as reading the column does.
    """
    if not isinstance(index.type, BlindIndex):
        raise misused("reindex() is given a column that is no blind index", "Give it the column of the BlindIndex.")
    indexed = index.table.c[index.type.of]
    written, after = 0, None
    while rows := _stale(connection, (indexed, index), after, batch):
        after = rows[-1][2:]
        written += sum(_write(connection, index, row) for row in rows)
        connection.commit()
    return written


def _stale(connection: Connection, pair: tuple[Column[Any], Column[Any]], after: Any, batch: int) -> list[Any]:
    indexed, index = pair
    table: Table = index.table
    keys, held = list(table.primary_key.columns), type_coerce(index, String)
    current = func.coalesce(held, "").startswith(f"{PROCESS.held().ring.active}:", autoescape=True)
    question = select(indexed, held, *keys).where(indexed.is_not(None), ~current)
    if after is not None:
        question = question.where(tuple_(*keys) > tuple_(*after))
    return list(connection.execute(question.order_by(*keys).limit(batch)))


def _write(connection: Connection, index: Column[Any], row: Any) -> int:
    text, before, *key = row
    table: Table = index.table
    held = type_coerce(index, String)
    where = [column == value for column, value in zip(table.primary_key.columns, key, strict=True)]
    unchanged = held.is_(None) if before is None else held == before
    unmoved = {column: column for column in table.columns if column.onupdate is not None}
    statement = update(table).where(*where, unchanged).values({**unmoved, index: bindparam("indexing")})
    return connection.execute(statement, {"indexing": Indexing(text)}).rowcount
