"""INSERT that may meet a row which is there already: PostgreSQL and SQLite have the same words for it, each its own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Insert = postgresql.Insert | sqlite.Insert


def insert_of(session: Session) -> "Callable[[Any], Insert]":
    """Return what makes an INSERT into a table, or its class, that has `on_conflict_do_nothing` and its like."""
    # PostgreSQL's dialect takes long to load, and whoever keeps the catalog in a file has no use for it.
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert
