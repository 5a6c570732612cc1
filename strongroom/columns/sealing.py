"""Values on their way to an encrypted column: a text that hides itself, and the row it is to be bound to."""

from dataclasses import dataclass, field
from typing import NoReturn

PLACEHOLDER = "-"
"""Stands in a row-bound column until the server has told the new row's key; no reader takes it for a token."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """A text to encrypt and its row id; without a row where the binding needs none. Hidden in logs and errors."""

    text: str = field(repr=False)
    row: str | None = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("a value to be encrypted is never pickled")


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A text whose row does not exist yet: stored as a placeholder, and encrypted when the row has its key."""

    text: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a value to be encrypted is never pickled")


@dataclass(frozen=True, slots=True)
class Indexing:
    """A text on its way to a blind index."""

    text: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a value to be indexed is never pickled")
