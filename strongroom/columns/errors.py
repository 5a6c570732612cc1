"""What can go wrong with encrypted columns; no message ever carries a key, a plaintext or a whole token.

SQLAlchemy wraps what is raised while it makes parameters ready, and puts the parameters beside it, in clear. So the
errors that can be raised there ask not to be wrapped.
"""

from sqlalchemy.exc import DontWrapMixin

from strongroom.errors import (
    CannotDecryptError,
    IntegrityError,
    InvalidInputError,
    NotAllowedError,
    StrongroomError,
)


class NotATokenError(DontWrapMixin, IntegrityError):
    """The column holds a text that no encrypted column wrote: it has no version, or no known form."""

    code = "columns.not_a_token"


class TokenFormatError(DontWrapMixin, IntegrityError):
    """The token is cut short, or is not what its form allows."""

    code = "columns.token_format"


class TokenRefusedError(DontWrapMixin, CannotDecryptError):
    """The key does not open the token: it was changed, was moved from another place, or its version has another key."""

    code = "columns.token_refused"


class TokenUnboundError(DontWrapMixin, NotAllowedError):
    """The token opens, but is not bound as tightly as this strict column wants."""

    code = "columns.token_unbound"


class RowUnknownError(DontWrapMixin, InvalidInputError):
    """A row-bound column is written or read without its primary key."""

    code = "columns.row_unknown"


class RowIdError(DontWrapMixin, InvalidInputError):
    """A primary key is of a type that has no text which all databases agree upon."""

    code = "columns.row_id"


class ValueTypeError(DontWrapMixin, InvalidInputError):
    """What is to be encrypted is not a text, or not one that UTF-8 can hold."""

    code = "columns.value_type"


class ValueTooLongError(DontWrapMixin, InvalidInputError):
    """The text, or the token made of it, is longer than the column."""

    code = "columns.value_too_long"


class ColumnUseError(DontWrapMixin, InvalidInputError):
    """An encrypted column is declared or used in a way that cannot work."""

    code = "columns.use"


class KeyringMissingError(DontWrapMixin, StrongroomError):
    """This process was never given the ring of column keys."""

    code = "columns.keyring_missing"


class ColumnUnregisteredError(NotAllowedError):
    """A mapped encrypted column is not in the registry, so that no campaign and no proof of retirement would see it."""

    code = "columns.unregistered"


def misused(what: str, next_step: str) -> ColumnUseError:
    """Make the error for a column that is declared or used in a way that cannot work."""
    return ColumnUseError(f"EncryptedString: {what}.", next_step=next_step)


def row_unknown() -> RowUnknownError:
    """Make the error for a row-bound column that is used without its row."""
    return RowUnknownError(
        "A row-bound column was used without its row's primary key.",
        next_step="Read and write it through its table, with the primary key; docs/keys.md lists what cannot be done.",
    )
