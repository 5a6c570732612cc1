"""The way of a value: encrypted on its way to the database, decrypted on its way back. Nothing is derived here."""

from collections.abc import Callable
from typing import Any, Protocol

from strongroom.columnkeys.errors import ColumnKeyUnknownError
from strongroom.columns.cipher import ColumnCipher, encoded
from strongroom.columns.errors import ValueTooLongError
from strongroom.columns.in_use import Generation, held
from strongroom.columns.place import Binding, TokenFormat
from strongroom.columns.rows import MARK
from strongroom.columns.sealing import PLACEHOLDER, Awaiting, Sealing
from strongroom.columns.sizes import longest_text, token_length

Processor = Callable[[Any], Any]


class Column(Protocol):
    """What a value's way depends on."""

    max_bytes: int | None
    format: TokenFormat
    binding: Binding

    @property
    def stored_length(self) -> int | None:
        """Size in characters, None for one without limit."""

    @property
    def key_columns(self) -> int:
        """How many columns the primary key has."""

    def cipher(self) -> ColumnCipher:
        """Return the cipher under the ring in use."""


class Token(str):
    """A token that does not show in the parameters that SQLAlchemy logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(token)'"


def encrypting(column: Column) -> Processor:
    """Return what makes a token of a text, or of a text and its row.

    It raises KeyringMissingError, RowUnknownError, ValueTypeError and ValueTooLongError.
    """
    limit, most = column.stored_length, column.max_bytes
    known: tuple[Generation, ColumnCipher] | None = None

    def process(value: Any) -> str | None:
        nonlocal known
        if value is None:
            return None
        generation = held().generation()
        if known is None or known[0] is not generation:
            known = generation, column.cipher()
        if type(value) is Awaiting:
            _verify_fits(value.text, column, generation.ring.active)
            return PLACEHOLDER
        text, row = (value.text, value.row) if type(value) is Sealing else (value, None)
        token = known[1].encrypt(text, row)
        if (limit is not None and len(token) > limit) or (most is not None and len(text) * 4 > most):
            _verify_fits(text, column, generation.ring.active)
        return Token(token)

    return process


def decrypting(column: Column) -> Processor:
    """Return what makes a text of a token, or of a token with its row in front; raises as ColumnCipher.decrypt."""
    by_row, single = column.binding is Binding.ROW, column.key_columns == 1
    known: tuple[Generation, ColumnCipher] | None = None

    def process(value: Any) -> str | None:
        nonlocal known
        if value is None:
            return None
        generation = held().generation()
        if known is None or known[0] is not generation:
            known = generation, column.cipher()
        row = None
        if by_row:
            head, mark, value = value.rpartition(MARK)
            if mark:
                row = f"{len(head)}:{head}" if single else head
        try:
            return known[1].decrypt(value, row)
        except ColumnKeyUnknownError:
            return _after_search(column, value, row)

    return process


def _after_search(column: Column, token: str, row: str | None) -> str:
    """Decrypt a token of a version that the ring at hand lacks: another process may have made it a moment ago."""
    held().search(ColumnCipher.version_of(token) or "")
    return column.cipher().decrypt(token, row)


def _verify_fits(text: str, column: Column, version: str) -> None:
    """Raise ValueTooLongError for what the column cannot hold; says sizes, and nothing of the text."""
    size = len(encoded(text))
    if column.max_bytes is not None and size > column.max_bytes:
        raise _too_long(
            f"A text of {size} bytes is longer than the {column.max_bytes} that the column was declared for."
        )
    limit = column.stored_length
    if limit is not None and token_length(size, column.format, version) > limit:
        longest = longest_text(limit, column.format, version)
        raise _too_long(
            f"A text of {size} bytes is longer than the {longest} whose token fits the {limit} of the column."
        )


def _too_long(what: str) -> ValueTooLongError:
    return ValueTooLongError(what, next_step="Shorten the text, or widen the column with a migration.")
