"""INSERT that may meet a row which is there already: PostgreSQL and SQLite have the same words for it, each its own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.orm import Session

from strongroom.catalog.base import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Insert = postgresql.Insert | sqlite.Insert

RowT = TypeVar("RowT", bound=Base)


def insert_of(session: Session) -> "Callable[[Any], Insert]":
    """Return what makes an INSERT into a table, or its class, that has `on_conflict_do_nothing` and its like."""
    # PostgreSQL's dialect takes long to load, and whoever keeps the catalog in a file has no use for it.
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert


def lock_row(session: Session, table: type[RowT], key: Any, **values: Any) -> RowT:
    """Return a row, locked; where there is none yet, whoever comes first makes it with these values and its key."""
    row = session.get(table, key, with_for_update=True)
    if row is None:
        session.execute(insert_of(session)(table).values(**values).on_conflict_do_nothing())
        row = session.get_one(table, key, with_for_update=True)
    return row
