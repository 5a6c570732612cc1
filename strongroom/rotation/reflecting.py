"""Finding out what a column is: from a mapped class, or from the database by the table's name."""

import importlib
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import CHAR, Column, Engine, MetaData, String, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable, NoSuchTableError
from sqlalchemy.orm import Mapper

from strongroom.columns.place import Binding, TokenFormat
from strongroom.rotation.connecting import translated_faults
from strongroom.rotation.errors import (
    ColumnNotFoundError,
    ColumnNotTextError,
    ModelNotFoundError,
    NoPrimaryKeyError,
    TableNotFoundError,
    UnusableKeyError,
)
from strongroom.rotation.target import Target

KEY_TYPES = (int, str, uuid.UUID)


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as it is written: `table` or `schema.table`."""

    schema: str | None
    table: str

    @classmethod
    def of(cls, text: str) -> "TableName":
        """Read `table` or `schema.table`."""
        schema, _, table = text.rpartition(".")
        return cls(schema or None, table)


@dataclass(frozen=True, slots=True)
class Tokens:
    """How the tokens of a column are made: as an EncryptedString says, or somebody who knows the application."""

    app: str
    token_format: TokenFormat = TokenFormat.AES_GCM
    binding: Binding = Binding.ROW
    known_as: str | None = None


def reflect_target(
    engine: Engine, database: str, name: TableName, column: str, tokens: Tokens, keys: Sequence[str] = ()
) -> Target:
    """Return the target for a column of a table as the database describes it; `keys` instead of the primary key.

    Raises TableNotFoundError, ColumnNotFoundError, ColumnNotTextError, NoPrimaryKeyError, UnusableKeyError,
    TargetUnavailableError.
    """
    with translated_faults(database):
        try:
            table = Table(name.table, MetaData(), schema=name.schema, autoload_with=engine, resolve_fks=False)
        except NoSuchTableError:
            raise TableNotFoundError(
                f"Database {database!r} has no table {name.schema + '.' if name.schema else ''}{name.table}.",
                next_step="Check the name; a table outside the search path is written schema.table.",
            ) from None
        unique = _unique_columns(engine, name)
    length = _length_of(_column(table, column))
    chosen = _verified_keys(table, unique, keys)
    if tokens.binding is Binding.ROW and chosen != tuple(one.name for one in table.primary_key.columns):
        raise _not_a_key(chosen, table, "Tokens that are bound to their row name its primary key: leave --key out.")
    made = (tokens.app, tokens.token_format, tokens.binding, tokens.known_as)
    return Target(database, name.schema, name.table, column, chosen, length, *made)


def import_model(path: str) -> Mapper[Any]:
    """Return the mapper of `module:Class`, found from the current directory on; raises ModelNotFoundError."""
    try:
        mapper: Mapper[Any] = inspect(_import(path))
    except NoInspectionAvailable as error:
        raise _no_model(path, error) from None
    return mapper


def import_metadata(path: str) -> MetaData:
    """Return the metadata of `module:Class`, of `module:Base` or of a MetaData itself; raises ModelNotFoundError."""
    found = _import(path)
    metadata = found if isinstance(found, MetaData) else getattr(found, "metadata", None)
    if not isinstance(metadata, MetaData):
        raise _no_model(path, TypeError())
    return metadata


def _import(path: str) -> Any:
    module, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _no_model(path, error) from None


def _no_model(path: str, error: Exception) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"{path!r} cannot be imported as a mapped class ({type(error).__name__}).",
        next_step="Write it as package.module:Class, and run this where the application can be imported.",
    )


def table_of(mapper: Mapper[Any]) -> TableName:
    """Return the table that a class is mapped to; raises ModelNotFoundError."""
    table = mapper.local_table
    if not isinstance(table, Table):
        raise ModelNotFoundError(
            f"{mapper.class_.__name__} is not mapped to a table.", next_step="Name a class with a __tablename__."
        )
    return TableName(table.schema, table.name)


def mapped_column_of(mapper: Mapper[Any], name: str) -> Column[Any]:
    """Return the column that has this name in the database, or as an attribute; raises ColumnNotFoundError."""
    found = mapper.local_table.c.get(name)
    if found is None and name in mapper.column_attrs:
        found = mapper.column_attrs[name].columns[0]
    if not isinstance(found, Column):
        raise _no_column(table_of(mapper).table, name)
    return found


def _unique_columns(engine: Engine, name: TableName) -> list[set[str | None]]:
    # On SQLite a UNIQUE within a column shows as an index that it made by itself, and only when asked for.
    asked = {"include_auto_indexes": True} if engine.dialect.name == "sqlite" else {}
    found = inspect(engine).get_indexes(name.table, name.schema, **asked)
    whole = [one for one in found if not any("where" in option for option in one.get("dialect_options", {}))]
    return [set(one["column_names"]) for one in whole if one["unique"]]


def _column(table: Table, name: str) -> Column[Any]:
    if name not in table.c:
        raise _no_column(table.name, name)
    return table.c[name]


def _no_column(table: str, name: str) -> ColumnNotFoundError:
    return ColumnNotFoundError(
        f"Table {table} has no column {name!r}.",
        next_step="Use the column's name in the database, such as _otp_secret.",
    )


def _length_of(column: Column[Any]) -> int | None:
    if not isinstance(column.type, String) or isinstance(column.type, CHAR):
        raise ColumnNotTextError(
            f"Column {column.name!r} is of type {column.type}, which does not hold tokens.",
            next_step="Tokens are text of variable length: VARCHAR or TEXT.",
        )
    return column.type.length


def _verified_keys(table: Table, unique: Sequence[set[str | None]], wanted: Sequence[str]) -> tuple[str, ...]:
    primary = tuple(column.name for column in table.primary_key.columns)
    keys = tuple(wanted) or primary
    if not keys:
        raise NoPrimaryKeyError(
            f"Table {table.name} has no primary key.",
            next_step="Give it one, or name columns that are unique together with --key.",
        )
    for key in keys:
        _verify_key(_column(table, key), frozenset(primary))
    if set(keys) not in ([set(primary), *unique]):
        raise _not_a_key(keys, table, "Name the columns of the primary key, or of a unique constraint without NULL.")
    return keys


def _not_a_key(keys: Sequence[str], table: Table, next_step: str) -> UnusableKeyError:
    return UnusableKeyError(
        f"Columns {', '.join(keys)} of table {table.name} do not lead through it.", next_step=next_step
    )


def _verify_key(column: Column[Any], primary: frozenset[str]) -> None:
    try:
        usable = issubclass(column.type.python_type, KEY_TYPES) and not issubclass(column.type.python_type, bool)
    except NotImplementedError:
        usable = False
    if not usable or (column.nullable and column.name not in primary):
        raise UnusableKeyError(
            f"Column {column.name!r} of type {column.type} cannot lead through the table.",
            next_step="A key is made of whole numbers, texts and UUIDs that are never NULL.",
        )
