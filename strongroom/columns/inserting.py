"""Rows of an INSERT: their keys where the client makes them, and a second statement where the server does."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, Insert, Table, Update, bindparam, update
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

from strongroom.columns.errors import misused
from strongroom.columns.place import Binding
from strongroom.columns.rows import row_of
from strongroom.columns.sealing import Awaiting, Sealing
from strongroom.columns.statements import Given, Row, Values, column_type, encrypted_columns, table_of

# Names of parameters that no column is likely to have.
_KEY, _TEXT = "strongroom key ", "strongroom text "


def bind_insert(connection: Connection, statement: Insert, rows: list[Row]) -> tuple[Insert, list[Row]]:
    """Return the statement and its rows with every text for an encrypted column bound to its row.

    Raises ColumnUseError for a statement whose rows cannot be told, and RowIdError.
    """
    table = table_of(statement)
    columns = encrypted_columns(table)
    _verify_shape(statement, columns)
    values = Values(statement, rows)
    if not any(_text(values, row, column) is not None for row in values.rows for column in columns):
        return statement, rows
    for row in values.rows:
        key = _row_of(values, row, connection) if _any_by_row(columns) else None
        for column in columns:
            _bind(values, row, column, key)
    if any(_awaiting(values, row, table) for row in values.rows):
        values.statement = _returning_keys(values.statement, len(values.rows))
    return values.statement, values.parameters()


def finish_insert(connection: Connection, statement: Insert, rows: list[Row], result: CursorResult[Any]) -> None:
    """Write the tokens of rows whose keys the server has made."""
    table = table_of(statement)
    if not _any_by_row(encrypted_columns(table)):
        return
    values = Values(statement, rows)
    waiting = [_awaiting(values, row, table) for row in values.rows]
    if not any(waiting):
        return
    made = zip(result.inserted_primary_key_rows, waiting, strict=True)
    keyed = [(tuple(key or ()), texts) for key, texts in made if texts]
    # Rows that wait for the same columns share a statement; as a rule that is all of them.
    for columns in {tuple(texts): None for _, texts in keyed}:
        rows_alike = [
            {**_named(_KEY, key), **_named(_TEXT, texts.values())} for key, texts in keyed if tuple(texts) == columns
        ]
        connection.execute(_second(table, columns), rows_alike)


def _second(table: Table, columns: Sequence[str]) -> Update:
    # Columns that note the time of a change stay as the INSERT made them.
    unmoved = {column: column for column in table.columns if column.onupdate is not None}
    texts: dict[Any, Any] = {table.c[column]: bindparam(f"{_TEXT}{place}") for place, column in enumerate(columns)}
    keys = [column == bindparam(f"{_KEY}{place}") for place, column in enumerate(table.primary_key.columns)]
    return update(table).where(*keys).values({**unmoved, **texts})


def _named(kind: str, values: Iterable[object]) -> Row:
    return {f"{kind}{place}": value for place, value in enumerate(values)}


def _verify_shape(statement: Insert, columns: Sequence[Column[Any]]) -> None:
    names = {column.key for column in columns}
    if statement._multi_values:
        raise misused("rows are given to values() as a list", "Give them as the second argument of execute().")
    if statement.select is not None and names & {getattr(name, "key", name) for name in statement._select_names or ()}:
        raise misused("an INSERT takes tokens from a SELECT", "Read the values and insert them as rows.")
    _verify_upsert(statement, names)


def _verify_upsert(statement: Insert, names: set[str]) -> None:
    clause = statement._post_values_clause
    if clause is None:
        return
    updated = getattr(clause, "update_values_to_set", None) or getattr(clause, "update", None) or ()
    written = {getattr(name, "key", name) for name, _ in (updated.items() if hasattr(updated, "items") else updated)}
    if written & names:
        raise misused(
            "an upsert writes an encrypted column of a row that may be another one",
            "Look the row up, and insert or update it.",
        )


def _row_of(values: Values[Insert], row: Row, connection: Connection) -> str | None:
    """Return the row id, None where the server will make the key; defaults of the client are made here."""
    table = values.table
    keys: Row = {}
    for column in table.primary_key.columns:
        value = values.get(row, column)
        if value is Given.NOTHING:
            value = _client_default(column)
            if value is not Given.NOTHING:
                values.set(row, column, value)
        if value is None or isinstance(value, Given):
            return None
        keys[column.key] = value
    return row_of(table, keys, connection.dialect)


def _client_default(column: Column[Any]) -> object:
    default = column.default
    if isinstance(default, ScalarElementColumnDefault):
        return default.arg
    if isinstance(default, CallableColumnDefault):
        # SQLAlchemy wraps functions without a parameter, so that all take the context; there is none yet.
        return default.arg(None)  # type: ignore[arg-type] # that is why
    return Given.NOTHING


def _bind(values: Values[Insert], row: Row, column: Column[Any], key: str | None) -> None:
    text = _text(values, row, column)
    values.index(row, column, text)
    if text is None:
        return
    by_row = column_type(column).binding is Binding.ROW
    if by_row and values.shared(column):
        raise misused("one value in values() counts for several rows", "Give the value in each row.")
    if by_row and key is None:
        values.set(row, column, Awaiting(text))
    else:
        values.set(row, column, Sealing(text, key if by_row else None))


def _text(values: Values[Insert], row: Row, column: Column[Any]) -> Any:
    """Return the text that is to be encrypted, None for none; a default of the client is taken up."""
    value = values.get(row, column)
    if value is Given.NOTHING:
        value = _client_default(column)
    if value is Given.EXPRESSION:
        raise misused("an SQL expression is written to the column", "Compute the value in Python.")
    return None if value is Given.NOTHING else value


def _awaiting(values: Values[Insert], row: Row, table: Table) -> dict[str, str]:
    found = {column.key: values.get(row, column) for column in encrypted_columns(table)}
    return {key: value.text for key, value in found.items() if isinstance(value, Awaiting)}


def _returning_keys(statement: Insert, rows: int) -> Insert:
    if statement._returning:
        raise misused(
            "the server makes the primary keys of an INSERT that has a RETURNING of its own",
            "Make the keys in the client, or leave RETURNING out.",
        )
    if rows == 1 or (statement._return_defaults and statement._sort_by_parameter_order):
        return statement
    if statement._return_defaults:
        raise misused("return_defaults() gives the rows in any order", "Ask for sort_by_parameter_order=True.")
    return statement.return_defaults(*table_of(statement).primary_key.columns, sort_by_parameter_order=True)


def _any_by_row(columns: Sequence[Column[Any]]) -> bool:
    return any(column_type(column).binding is Binding.ROW for column in columns)
