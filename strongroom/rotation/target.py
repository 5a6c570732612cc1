"""What is re-encrypted: one column of one table, and how its tokens are made."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from strongroom.columns.place import Binding, ColumnPlace, TokenFormat
from strongroom.columns.token import GCM_MARK


class ColumnKind(StrEnum):
    """What a column holds that names versions of the keys."""

    TOKENS = "tokens"
    INDEX = "index"
    """Blind indexes, which a re-encryption leaves as they are."""


@dataclass(frozen=True, slots=True)
class Target:
    """A column in a database that the settings name.

    `keys` are the columns of the primary key in its order; `length` is the most characters the column holds, None where
    it has no limit. `known_as` is the table.column that tokens are bound to where that is not its name.
    """

    database: str
    schema: str | None
    table: str
    column: str
    keys: tuple[str, ...]
    length: int | None
    app: str
    token_format: TokenFormat = TokenFormat.AES_GCM
    binding: Binding = Binding.COLUMN
    known_as: str | None = None
    kind: ColumnKind = ColumnKind.TOKENS

    @property
    def table_name(self) -> str:
        """Return the table as it is mapped: with its schema where it has one."""
        return self.table if self.schema is None else f"{self.schema}.{self.table}"

    @property
    def place(self) -> str:
        """Return the name of the column in the catalog: `database:schema.table.column`."""
        return f"{self.database}:{self.table_name}.{self.column}"

    @property
    def column_place(self) -> ColumnPlace:
        """Return what tokens of the column are bound to."""
        table, _, column = (self.known_as or f"{self.table_name}.{self.column}").rpartition(".")
        return ColumnPlace(self.app, table, column)

    def as_stored(self) -> dict[str, Any]:
        """Return the target as the catalog keeps it."""
        return asdict(self) | {"keys": list(self.keys)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `as_stored` wrote."""
        made = {
            "keys": tuple(stored["keys"]),
            "token_format": TokenFormat(stored["token_format"]),
            "binding": Binding(stored["binding"]),
            "kind": ColumnKind(stored.get("kind", ColumnKind.TOKENS)),
        }
        return cls(**{**stored, **made})


@dataclass(frozen=True, slots=True)
class CurrentTokens:
    """How a token that is up to date begins, and how one does that is not although it begins so."""

    version: str
    begin: str
    but_not: str | None

    @classmethod
    def of(cls, version: str, token_format: TokenFormat) -> Self:
        """Return the beginnings of tokens under a version in a format."""
        if token_format is TokenFormat.AES_GCM:
            return cls(version, f"{version}:{GCM_MARK}", None)
        return cls(version, f"{version}:", f"{version}:{GCM_MARK}")


KeyValue = int | str
"""A value of a primary key as it travels: a UUID is its text."""

Key = tuple[Any, ...]
"""A primary key as the driver gives it."""


def shown(key: Sequence[Any]) -> list[KeyValue]:
    """Return a key as JSON holds it."""
    return [value if isinstance(value, int) else str(value) for value in key]
