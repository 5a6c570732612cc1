"""Which row a token belongs to: the primary key in Python when it is written, and beside the token when it is read."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    CHAR,
    NCHAR,
    Column,
    ColumnElement,
    Dialect,
    FromClause,
    Integer,
    String,
    Table,
    Uuid,
    cast,
    func,
    literal,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from strongroom.columns.errors import ColumnUseError, RowIdError
from strongroom.columns.place import row_id

MARK = "|"
"""Stands between row and token in what a SELECT returns; no token holds it."""


class _Characters(FunctionElement[int]):
    """The number of characters of a text, as Python counts them."""

    type = Integer()
    inherit_cache = True


@compiles(_Characters)
def _length(element: _Characters, compiler: Any, **options: Any) -> str:
    return f"length({compiler.process(element.clauses, **options)})"


@compiles(_Characters, "mysql")
@compiles(_Characters, "mariadb")
def _char_length(element: _Characters, compiler: Any, **options: Any) -> str:
    return f"char_length({compiler.process(element.clauses, **options)})"


def row_of(table: Table, values: Mapping[str, object], dialect: Dialect) -> str:
    """Return the row id of the values, by column key, that make a primary key; raises RowIdError."""
    keys = _key_columns(table)
    return row_id([_stored(column.type, values[str(column.key)], dialect) for column in keys])


def beside(table: Table, token: ColumnElement[Any]) -> ColumnElement[str]:
    """Return SQL for row id, mark and token; NULL where the token is. Raises ColumnUseError and RowIdError.

    The row id of a single column is without its length, which the reader puts there.
    """
    source = getattr(token, "table", None)
    if source is None:
        raise _not_a_column(table)
    parts = [_text(column.type, _key_in(source, table, column)) for column in _key_columns(table)]
    row = parts[0] if len(parts) == 1 else _joined(parts)
    # Typed as the column, or SQLAlchemy would hand the row out with the token, undecrypted.
    return type_coerce(row + literal(MARK, String) + type_coerce(token, String), token.type)


def _key_columns(table: Table) -> list[Column[Any]]:
    columns = list(table.primary_key.columns)
    if not columns:
        raise RowIdError(
            f"Table {table.fullname!r} has no primary key that could bind a token to its row.",
            next_step="Give it one, or bind the column with `binding='column'`.",
        )
    for column in columns:
        _kind(column.type)
    return columns


def _kind(type_: TypeEngine[Any]) -> type[Integer] | type[String] | type[Uuid[Any]]:
    inner = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    for kind in (Integer, Uuid, String):
        if isinstance(inner, kind):
            return kind
    raise RowIdError(
        f"A primary key of SQL type {type(inner).__name__} cannot bind a token to its row.",
        next_step="Use a key of whole numbers, texts and UUIDs, or bind the column with `binding='column'`.",
    )


def _is_padded(type_: TypeEngine[Any]) -> bool:
    """Say whether the type is CHAR(n), whose values one database pads with blanks and another does not."""
    inner = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    return isinstance(inner, CHAR | NCHAR)


def _stored(type_: TypeEngine[Any], value: object, dialect: Dialect) -> object:
    """Return a key's value as the database holds it, as far as its text goes."""
    bind, kind = type_.dialect_impl(dialect).bind_processor(dialect), _kind(type_)
    try:
        stored: Any = value if bind is None else bind(value)
        if kind is Uuid:
            return uuid.UUID(str(stored))
        if kind is Integer:
            # A database makes a number of what an integer column is given, '007' and True too.
            return int(stored)
        return stored.rstrip(" ") if _is_padded(type_) else stored
    except (AttributeError, TypeError, ValueError):
        raise RowIdError(
            f"A primary key of SQL type {kind.__name__} was given as {type(value).__name__}.",
            next_step="Give it in the type that the column is mapped to.",
        ) from None


def _text(type_: TypeEngine[Any], column: ColumnElement[Any]) -> ColumnElement[str]:
    if _kind(type_) is String:
        whole = type_coerce(column, String)
        return func.rtrim(whole, type_=String) if _is_padded(type_) else whole
    text: ColumnElement[str] = cast(column, String)
    return func.replace(text, "-", "", type_=String) if _kind(type_) is Uuid else text


def _joined(parts: list[ColumnElement[str]]) -> ColumnElement[str]:
    whole: ColumnElement[str] | None = None
    for part in parts:
        prefixed = cast(_Characters(part), String) + literal(":", String) + part
        whole = prefixed if whole is None else whole + prefixed
    if whole is None:
        raise TypeError("a primary key has at least one column")
    return whole


def _key_in(source: FromClause, table: Table, column: Column[Any]) -> ColumnElement[Any]:
    found = source.corresponding_column(column)
    if found is None:
        raise ColumnUseError(
            f"A row-bound column of {table.fullname!r} is selected from a subquery without its primary key.",
            next_step="Select the primary key in that subquery too.",
        )
    return found


def _not_a_column(table: Table) -> ColumnUseError:
    return ColumnUseError(
        f"An encrypted column of {table.fullname!r} is selected inside an expression.",
        next_step="Select the column itself and compute with its value in Python.",
    )
