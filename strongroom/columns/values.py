"""The way of a value: encrypted on its way to the database, decrypted on its way back. Nothing is derived here."""

from collections.abc import Callable
from sys import maxsize
from typing import Any, Protocol

from strongroom.columnkeys.errors import ColumnKeyUnknownError
from strongroom.columns.cipher import ColumnCipher, encoded
from strongroom.columns.errors import ValueTooLongError
from strongroom.columns.in_use import PROCESS
from strongroom.columns.place import Binding, TokenFormat
from strongroom.columns.rows import MARK
from strongroom.columns.sealing import PLACEHOLDER, Awaiting, Sealing
from strongroom.columns.sizes import longest_text, token_length

Processor = Callable[[Any], Any]
_NONE_YET = object()
_LENGTHS = tuple(f"{length}:" for length in range(64))


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


def encrypting(column: Column) -> Processor:
    """Return what makes a token of a text, or of a text and its row.

    It raises KeyringMissingError, RowUnknownError, ValueTypeError and ValueTooLongError.
    """
    generation: object = _NONE_YET
    cipher: ColumnCipher
    limit = 0

    def process(value: Any) -> str | None:
        nonlocal generation, cipher, limit
        if value is None:
            return None
        if PROCESS.generation is not generation:
            cipher, limit = column.cipher(), _surely_fitting(column)
            generation = PROCESS.generation
        if type(value) is Sealing:
            text, row = value.text, value.row
        elif type(value) is Awaiting:
            _verify_fits(value.text, column)
            return PLACEHOLDER
        else:
            text, row = value, None
        token = cipher.encrypt(text, row)
        if len(token) > limit:
            _verify_fits(text, column)
        return token

    return process


def decrypting(column: Column) -> Processor:
    """Return what makes a text of a token; raises as ColumnCipher.decrypt."""
    return _with_row(column) if column.binding is Binding.ROW else _alone(column)


def _with_row(column: Column) -> Processor:
    """Read a token that has its row in front; that of a single key column is without its length."""
    single = column.key_columns == 1
    generation: object = _NONE_YET
    cipher: ColumnCipher

    def process(value: Any) -> str | None:
        nonlocal generation, cipher
        if value is None:
            return None
        if PROCESS.generation is not generation:
            cipher, generation = column.cipher(), PROCESS.generation
        row, mark, token = value.rpartition(MARK)
        if single:
            row = _LENGTHS[len(row)] + row if len(row) < 64 else f"{len(row)}:{row}"
        try:
            return cipher.decrypt(token, row if mark else None)
        except ColumnKeyUnknownError:
            return _after_search(column, token, row if mark else None)

    return process


def _alone(column: Column) -> Processor:
    generation: object = _NONE_YET
    cipher: ColumnCipher

    def process(value: Any) -> str | None:
        nonlocal generation, cipher
        if value is None:
            return None
        if PROCESS.generation is not generation:
            cipher, generation = column.cipher(), PROCESS.generation
        try:
            return cipher.decrypt(value, None)
        except ColumnKeyUnknownError:
            return _after_search(column, value, None)

    return process


def _after_search(column: Column, token: str, row: str | None) -> str:
    """Decrypt a token of a version that the ring at hand lacks: another process may have made it a moment ago."""
    PROCESS.search(ColumnCipher.version_of(token) or "")
    return column.cipher().decrypt(token, row)


def _surely_fitting(column: Column) -> int:
    """Return the length up to which a token needs no closer look."""
    limit = maxsize if column.stored_length is None else column.stored_length
    if column.max_bytes is None:
        return limit
    # A Fernet token has the same length for 16 lengths of text; the shortest of them is sure.
    return token_length(max(column.max_bytes - 15, 0), column.format, PROCESS.held().ring.active) - 1


def _verify_fits(text: str, column: Column) -> None:
    """Raise ValueTooLongError for what the column cannot hold; says sizes, and nothing of the text."""
    size = len(encoded(text))
    if column.max_bytes is not None and size > column.max_bytes:
        raise _too_long(
            f"A text of {size} bytes is longer than the {column.max_bytes} that the column was declared for."
        )
    limit, version = column.stored_length, PROCESS.held().ring.active
    if limit is not None and token_length(size, column.format, version) > limit:
        longest = longest_text(limit, column.format, version)
        raise _too_long(
            f"A text of {size} bytes is longer than the {longest} whose token fits the {limit} of the column."
        )


def _too_long(what: str) -> ValueTooLongError:
    return ValueTooLongError(what, next_step="Shorten the text, or widen the column with a migration.")
