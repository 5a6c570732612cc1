"""What an INSERT or UPDATE gives for a column: in its parameters, or in the statement itself."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Column, Insert, Null, Table, Update, inspect
from sqlalchemy.orm import Mapper

from strongroom.columns.blind_index import BlindIndex
from strongroom.columns.encrypted_string import EncryptedString
from strongroom.columns.sealing import Indexing

Row = dict[str, Any]
Write = TypeVar("Write", Insert, Update)


class Given(Enum):
    """What stands for a column instead of a value."""

    NOTHING = 0
    EXPRESSION = 1


_KNOWN: WeakKeyDictionary[Table, tuple[int, tuple[Column[Any], ...]]] = WeakKeyDictionary()


def encrypted_columns(table: Table) -> tuple[Column[Any], ...]:
    """Return the encrypted columns of a table, remembered as long as it gets no more columns."""
    known = _KNOWN.get(table)
    if known is None or known[0] != len(table.columns):
        found = tuple(column for column in table.columns if isinstance(column.type, EncryptedString))
        known = _KNOWN[table] = (len(table.columns), found)
    return known[1]


def indexes_of(column: Column[Any]) -> list[Column[Any]]:
    """Return the blind indexes of an encrypted column."""
    return [
        found for found in column.table.columns if isinstance(found.type, BlindIndex) and found.type.of == column.key
    ]


def table_of(statement: Insert | Update) -> Table:
    """Return the table that is written to."""
    if not isinstance(statement.table, Table):
        raise TypeError("a statement with encrypted columns writes to a table")
    return statement.table


def column_type(column: Column[Any]) -> EncryptedString:
    """Return the type of an encrypted column."""
    if not isinstance(column.type, EncryptedString):
        raise TypeError(f"{column.key} is not encrypted")
    return column.type


class Values(Generic[Write]):
    """The values of one execution of a statement, by column key, wherever they stand."""

    def __init__(self, statement: Write, rows: list[Row]) -> None:
        self.statement: Write = statement
        self.rows = [dict(row) for row in rows] or [{}]
        self.table = table_of(statement)
        self._in_statement = {_key(statement, name): name for name in _named(statement)}

    def get(self, row: Row, column: Column[Any]) -> object:
        """Return what a row gives for a column: a value, None for NULL, or a Given."""
        if column.key in row:
            return _plain(row[column.key])
        name = self._in_statement.get(column.key)
        if name is None:
            return Given.NOTHING
        return value_in(_named(self.statement)[name], row)

    def set(self, row: Row, column: Column[Any], value: object) -> None:
        """Put a value in the place of the one that was given; a new one goes into the row."""
        name = self._in_statement.get(column.key)
        if column.key in row or name is None:
            row[column.key] = value
            return
        stands = _named(self.statement)[name]
        if isinstance(stands, BindParameter) and stands.key in row:
            row[stands.key] = value
        else:
            self.statement = self.statement.values({name: value})

    def index(self, row: Row, column: Column[Any], text: str | None) -> None:
        """Have the blind indexes of a column follow what is written to it."""
        for found in indexes_of(column):
            self.set(row, found, None if text is None else Indexing(text))

    def shared(self, column: Column[Any]) -> bool:
        """Say whether one value in the statement counts for several rows."""
        if len(self.rows) == 1 or column.key in self.rows[0] or column.key not in self._in_statement:
            return False
        stands = _named(self.statement)[self._in_statement[column.key]]
        return not (isinstance(stands, BindParameter) and stands.key in self.rows[0])

    def parameters(self) -> list[Row]:
        """Return the rows to execute the statement with."""
        return [] if self.rows == [{}] else self.rows


def value_in(element: object, row: Mapping[str, Any]) -> object:
    """Return the value of an element of a statement that is executed with a row of parameters."""
    if isinstance(element, BindParameter):
        return _plain(row.get(element.key, element.effective_value))
    return _plain(element)


def _plain(value: object) -> object:
    if isinstance(value, Null):
        return None
    # The ORM's attributes are no clause elements, but can be made one.
    if hasattr(value, "__clause_element__") or hasattr(value, "_compiler_dispatch"):
        return Given.EXPRESSION
    return value


def _named(statement: Insert | Update) -> Mapping[Any, Any]:
    return statement._values or {}


def _key(statement: Insert | Update, name: object) -> str:
    """Return the key of the column that a name in values() stands for; it may be that of a mapped attribute."""
    if not isinstance(name, str):
        return str(getattr(name, "key", name))
    if name in statement.table.c:
        return name
    subject = inspect(statement._propagate_attrs.get("plugin_subject"), raiseerr=False)
    if isinstance(subject, Mapper) and name in subject.column_attrs:
        return subject.column_attrs[name].columns[0].key
    return name
