"""Where a token belongs: application, table, column and row, as bytes that cannot be mistaken for another place."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from strongroom.columns.errors import RowIdError

NO_ROW = "-"
"""What stands for the row in a token that is bound to its column only; a row id begins with a digit."""


class TokenFormat(StrEnum):
    """What new tokens are made with."""

    FERNET = "fernet"
    AES_GCM = "aes-256-gcm"


class Binding(StrEnum):
    """How far a token may be moved before it no longer opens."""

    COLUMN = "column"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """A column: application (may be empty), table as mapped (`schema.table` where it has a schema), column name."""

    app: str
    table: str
    column: str

    def encoded(self) -> bytes:
        """Return the three, each length-prefixed."""
        return b"".join(length_prefixed(part) for part in (self.app, self.table, self.column))


def length_prefixed(text: str) -> bytes:
    """Return the length of the text in UTF-8 (4 bytes, big-endian) and the text."""
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


def row_id(values: Sequence[object]) -> str:
    """Return the canonical text of a primary key, its columns in the order of the table's key.

    Each value as `<characters>:<text>`, one after the other: 5 is `1:5`, (5, "ab") is `1:52:ab`. A UUID is its 32
    hexadecimal digits without hyphens, because that is what databases without such a type store. Raises RowIdError.
    """
    if not values:
        raise _no_row_id("A primary key without columns")
    return "".join(f"{len(text)}:{text}" for text in map(_canonical, values))


def _canonical(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, uuid.UUID):
        return value.hex
    raise _no_row_id(f"A primary key of type {type(value).__name__}")


def _no_row_id(what: str) -> RowIdError:
    return RowIdError(
        f"{what} cannot bind a token to its row.",
        next_step="Use a key of whole numbers, texts and UUIDs, or bind the column with `binding='column'`.",
    )
