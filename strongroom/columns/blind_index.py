"""Equality search over an encrypted column: a keyed hash of the text in a column beside it."""

import hashlib
import hmac
from typing import Any, NoReturn

from sqlalchemy import Column, ColumnElement, Dialect, String
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeDecorator

from strongroom.columns.encrypted_string import EncryptedString
from strongroom.columns.errors import misused
from strongroom.columns.in_use import PROCESS
from strongroom.columns.sealing import Indexing
from strongroom.columns.sizes import LONGEST_VERSION
from strongroom.columns.token import Token, to_base64url
from strongroom.columns.values import Processor

INDEX_BYTES = 16


class BlindIndex(TypeDecorator[str]):
    """The blind index of an encrypted column of the same table, which is named by its key; filled whenever that is.

    It holds `<version>:` + base64url, unpadded, of the first 16 bytes of HMAC-SHA256 of the text in UTF-8. Key:
    HKDF-SHA256 of the version's key and salt, info `strongroom column blind index 1` + app, table and column, each
    length-prefixed, of the encrypted column. `fold` indexes the casefolded text. Rows with equal texts show as equal.
    """

    impl = String
    cache_ok = True

    def __init__(self, of: str, *, fold: bool = False) -> None:
        super().__init__(LONGEST_VERSION + 1 + -(-INDEX_BYTES * 4 // 3))
        self.of, self.fold = of, fold
        self._column: Column[Any] | None = None

    def __repr__(self) -> str:
        return f"BlindIndex({self.of!r}{', fold=True' if self.fold else ''})"

    def values(self, text: str) -> list[Token]:
        """Return the index of a text under every version that may read, that of the active one first."""
        generation = PROCESS.held()
        active = generation.ring.active
        keys = generation.index_keys(self._place())
        return [self._value(name, keys[name], text) for name in sorted(keys, key=lambda name: (name != active, name))]

    def bind_processor(self, dialect: Dialect) -> Processor:
        """Make what hashes texts; what is an index already passes, and anything else is refused."""
        return self._bound

    def literal_processor(self, dialect: Dialect) -> NoReturn:
        """Refuse: indexes belong into logs no more than texts."""
        raise misused("an index is to be written into the statement's text", "Use parameters, not literal_binds.")

    def _bound(self, value: Any) -> str | None:
        if value is None or isinstance(value, Token):
            return value
        if isinstance(value, Indexing):
            return self.values(value.text)[0]
        raise misused("a blind index is given a value", "Write the encrypted column, and search with matching().")

    def _value(self, version: str, key: bytes, text: str) -> Token:
        whole = hmac.digest(key, (text.casefold() if self.fold else text).encode(), hashlib.sha256)
        return Token(f"{version}:{to_base64url(whole[:INDEX_BYTES])}")

    def _place(self) -> tuple[str, str]:
        column = None if self._column is None else self._column.table.c.get(self.of)
        if column is None or not isinstance(column.type, EncryptedString):
            raise misused(f"a blind index names no encrypted column {self.of!r} of its table", "Name it by its key.")
        return column.type.place()

    def _set_parent(self, parent: Any, outer: bool = False, **kw: Any) -> None:  # noqa: FBT001, FBT002 - SQLAlchemy's
        super()._set_parent(parent, outer=outer, **kw)
        if self._column is not None and self._column is not parent and self._column.type is self:
            parent.type = self.copy()
            parent.type._column = parent
        else:
            self._column = parent


def matching(index: InstrumentedAttribute[Any] | ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that the indexed column has this text, whichever version its row was indexed under.

    Raises ColumnUseError for what is no blind index, and KeyringMissingError.
    """
    column: ColumnElement[Any] = index.expression if isinstance(index, InstrumentedAttribute) else index
    if not isinstance(column.type, BlindIndex):
        raise misused("matching() is given a column that is no blind index", "Give it the column of the BlindIndex.")
    return column.in_(column.type.values(text))
