"""Telling encrypted columns which row they are written to, before SQLAlchemy compiles the statement.

Every INSERT and UPDATE passes here, of the ORM and of Core. Texts for encrypted columns become values that hide
themselves and carry their row. Where the server makes the primary key, the row gets a placeholder, and the token in
a second statement of the same transaction. What cannot name its row is refused; nothing is written unbound.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Insert, Table, Update, event

from strongroom.columns.in_use import PROCESS
from strongroom.columns.inserting import bind_insert, finish_insert
from strongroom.columns.statements import Row, encrypted_columns
from strongroom.columns.updating import bind_update
from strongroom.logs.database_rows import keep_rows_out_of

Parameters = Mapping[str, Any]


def listen() -> None:
    """Have every engine of this process pass its statements here; calling it again changes nothing."""
    if not event.contains(Engine, "before_execute", before_execute):
        event.listen(Engine, "before_execute", before_execute, retval=True)
        event.listen(Engine, "after_execute", after_execute)
        event.listen(Engine, "engine_connect", keep_rows_out_of)


def before_execute(
    connection: Connection,
    statement: Any,
    several: Sequence[Parameters],
    one: Parameters,
    options: Mapping[str, Any],
) -> tuple[Any, Sequence[Parameters], Parameters]:
    """Bind what a statement writes to encrypted columns."""
    PROCESS.follow()
    if not _concerned(statement):
        return statement, several, one
    rows = _rows(several, one)
    if isinstance(statement, Insert):
        statement, rows = bind_insert(connection, statement, rows)
    else:
        statement, rows = bind_update(connection, statement, rows)
    return (statement, rows, {}) if len(rows) > 1 else (statement, [], rows[0] if rows else {})


def after_execute(
    connection: Connection,
    statement: Any,
    several: Sequence[Parameters],
    one: Parameters,
    options: Mapping[str, Any],
    result: CursorResult[Any],
) -> None:
    """Write the tokens that had to wait for the server's keys."""
    if isinstance(statement, Insert) and _concerned(statement):
        finish_insert(connection, statement, _rows(several, one), result)


def _concerned(statement: Any) -> bool:
    return (
        isinstance(statement, Insert | Update)
        and isinstance(statement.table, Table)
        and bool(encrypted_columns(statement.table))
    )


def _rows(several: Sequence[Parameters], one: Parameters) -> list[Row]:
    return [dict(row) for row in several] or ([dict(one)] if one else [])
