"""Rows of an UPDATE: the one that its WHERE clause names by the whole primary key."""

from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Connection, Update
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList
from sqlalchemy.sql.operators import and_, eq

from strongroom.columns.errors import RowUnknownError, misused
from strongroom.columns.place import Binding
from strongroom.columns.rows import row_of
from strongroom.columns.sealing import Sealing
from strongroom.columns.statements import Given, Row, Values, column_type, encrypted_columns, table_of, value_in


def bind_update(connection: Connection, statement: Update, rows: list[Row]) -> tuple[Update, list[Row]]:
    """Return the statement and its rows with every text for an encrypted column bound to its row.

    Raises RowUnknownError for an UPDATE that does not say by its primary key which row it means, ColumnUseError and
    RowIdError.
    """
    columns = encrypted_columns(table_of(statement))
    if statement._ordered_values and {getattr(name, "key", name) for name, _ in statement._ordered_values} & {
        column.key for column in columns
    }:
        raise misused("a value is given by ordered_values()", "Use values().")
    values = Values(statement, rows)
    for row in values.rows:
        for column in columns:
            _bind(values, row, column, connection)
        _verify_stays(values, row)
    return values.statement, values.parameters()


def _bind(values: Values[Update], row: Row, column: Column[Any], connection: Connection) -> None:
    text: Any = values.get(row, column)
    if text is Given.NOTHING:
        return
    if text is Given.EXPRESSION:
        raise misused("an SQL expression is written to the column", "Compute the value in Python.")
    values.index(row, column, text)
    if text is None:
        return
    if column_type(column).binding is Binding.COLUMN:
        values.set(row, column, Sealing(text))
        return
    if values.shared(column):
        raise misused("one value in values() counts for several rows", "Give the value in each row.")
    values.set(row, column, Sealing(text, _row_of(values, row, connection)))


def _row_of(values: Values[Update], row: Row, connection: Connection) -> str:
    table, named = values.table, _named_by_where(values, row)
    keys: Row = {}
    for column in table.primary_key.columns:
        value = values.get(row, column)
        keys[column.key] = named.get(column.key) if value is Given.NOTHING else value
        if keys[column.key] is None or isinstance(keys[column.key], Given):
            raise RowUnknownError(
                f"An UPDATE writes a row-bound column of {table.fullname!r} without naming a row by its primary key.",
                next_step="Update row by row with the primary key in WHERE, or through the ORM.",
            )
    return row_of(table, keys, connection.dialect)


def _named_by_where(values: Values[Update], row: Row) -> Row:
    """Return the values by which the WHERE clause pins columns of the primary key."""
    # The ORM annotates columns: copies that keep the hash. A column of an alias has one of its own.
    keys = {hash(column): column.key for column in values.table.primary_key.columns}
    return {
        keys[hash(term.left)]: value_in(term.right, row)
        for term in _terms(values.statement.whereclause)
        if isinstance(term, BinaryExpression)
        and term.operator is eq
        and isinstance(term.right, BindParameter)
        and hash(term.left) in keys
    }


def _terms(clause: ColumnElement[Any] | None) -> list[ColumnElement[Any]]:
    if isinstance(clause, BooleanClauseList) and clause.operator is and_:
        return [term for inner in clause.clauses for term in _terms(inner)]
    return [] if clause is None else [clause]


def _verify_stays(values: Values[Update], row: Row) -> None:
    """Raise unless a row whose key changes gets new tokens in the same statement."""
    table = values.table
    moved = [column for column in table.primary_key.columns if values.get(row, column) is not Given.NOTHING]
    if not moved:
        return
    named = _named_by_where(values, row)
    if all(values.get(row, column) == named.get(column.key) for column in moved):
        return
    left = [column.key for column in encrypted_columns(table) if _stays_behind(values, row, column)]
    if left:
        raise misused(
            f"a primary key of {table.fullname!r} changes and {', '.join(left)} would not open any more",
            "Write the encrypted columns in the same UPDATE; with the ORM, flag_modified() them.",
        )


def _stays_behind(values: Values[Update], row: Row, column: Column[Any]) -> bool:
    return column_type(column).binding is Binding.ROW and values.get(row, column) is Given.NOTHING
