"""Which columns of an application are encrypted: found in its metadata, so that none is forgotten."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import MetaData

from strongroom.columns.errors import ColumnUnregisteredError
from strongroom.columns.place import Binding, TokenFormat
from strongroom.columns.statements import column_type, encrypted_columns, indexes_of


@dataclass(frozen=True, slots=True, order=True)
class RegisteredColumn:
    """All that a program without the application's models needs to read and convert a column."""

    table: str
    """`schema.table` where it has a schema, as in the database."""
    column: str
    keys: tuple[str, ...]
    """The columns of the primary key, in its order."""
    known_as: tuple[str, str]
    """Table and column that tokens are bound to: the names above, unless the column was renamed."""
    format: TokenFormat
    binding: Binding
    length: int | None
    """Size of the database column in characters."""


@dataclass(frozen=True, slots=True, order=True)
class RegisteredIndex:
    """A blind index: enough to count its rows by the version they are indexed under."""

    table: str
    """`schema.table` where it has a schema, as in the database."""
    column: str
    keys: tuple[str, ...]
    """The columns of the primary key, in its order."""


def registered_indexes(metadata: MetaData) -> tuple[RegisteredIndex, ...]:
    """Return the blind indexes of every encrypted column of every table, in the order of their names."""
    return tuple(
        sorted(
            RegisteredIndex(table.fullname, index.name, tuple(key.name for key in table.primary_key.columns))
            for table in metadata.tables.values()
            for column in encrypted_columns(table)
            for index in indexes_of(column)
        )
    )


def registered_columns(metadata: MetaData) -> tuple[RegisteredColumn, ...]:
    """Return every encrypted column of every table, in the order of their names."""
    return tuple(
        sorted(
            RegisteredColumn(
                table.fullname,
                column.name,
                tuple(key.name for key in table.primary_key.columns),
                column_type(column).place(),
                column_type(column).format,
                column_type(column).binding,
                column_type(column).stored_length,
            )
            for table in metadata.tables.values()
            for column in encrypted_columns(table)
        )
    )


def verify_registered(metadata: MetaData, registered: Collection[tuple[str, str]]) -> None:
    """Return when every encrypted column is among the registered (table, column); raises ColumnUnregisteredError."""
    missing = [
        f"{found.table}.{found.column}"
        for found in registered_columns(metadata)
        if (found.table, found.column) not in registered
    ]
    if missing:
        raise ColumnUnregisteredError(
            f"Encrypted columns are not in the registry: {', '.join(missing)}.",
            next_step="Register them, or no campaign re-encrypts them and no version can be shown to be unused.",
        )
