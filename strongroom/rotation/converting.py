"""Bringing the tokens of a batch up to date, and setting aside those that do not open."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from strongroom.columnkeys.ring import is_version_name
from strongroom.errors import StrongroomError
from strongroom.rotation.access import UNNAMED, Changes, Row
from strongroom.rotation.target import Key, KeyValue, shown

TOO_LONG = "rotation.value_too_long"
NOT_UTF8 = "rotation.not_utf8"
REFUSED_BY_DATABASE = "rotation.refused_by_database"


class Converter(Protocol):
    """What makes a token of the active version; see columns.cipher.ColumnCipher."""

    def convert(self, token: str, row: str | None) -> str | None:
        """Return the same text in a new token, None where the token is up to date; raises StrongroomError."""

    def convert_alike(self, tokens: Sequence[str], rows: Sequence[str] | None) -> list[str] | None:
        """Return the same for many tokens that are of one kind, None where one is not or does not open."""


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that is left as it is: its key, the version its token names, the SHA-256 of the token, and why."""

    key: tuple[KeyValue, ...]
    version: str | None
    token_sha256: str
    reason: str

    @classmethod
    def of(cls, key: Key, token: object, reason: str) -> "BrokenRow":
        """Describe a row without its token."""
        data = token if isinstance(token, bytes) else str(token).encode("utf-8", "surrogateescape")
        return cls(tuple(shown(key)), find_version(token), hashlib.sha256(data).hexdigest(), reason)

    @property
    def key_digest(self) -> str:
        """Return the SHA-256, in hex, of the key as JSON."""
        return hashlib.sha256(json.dumps(self.key, separators=(",", ":")).encode()).hexdigest()


@dataclass(slots=True)
class Converted:
    """What became of a batch: what to write, how many rows were up to date, and which are broken."""

    changes: Changes = field(default_factory=Changes)
    current: int = 0
    broken: list[BrokenRow] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    """Rows by the version of the token they were found with; counted in a dry run only."""


@dataclass(frozen=True, slots=True)
class BatchConverter:
    """Converts batches of one column. `row_of` names a row for the converter; None where tokens are not bound to it."""

    converter: Converter
    row_of: Callable[[Sequence[Any]], str] | None
    length: int | None

    def convert(self, rows: Sequence[Row]) -> Converted:
        """Return what is to be done with the rows; a token that does not open is never an error of the batch."""
        return self._convert_alike(rows) or self._convert_each(rows)

    def _convert_alike(self, rows: Sequence[Row]) -> Converted | None:
        """Convert a batch in which nothing is out of the ordinary; None for any other."""
        keys, tokens = [row[:-1] for row in rows], [row[-1] for row in rows]
        try:
            names = None if self.row_of is None else list(map(self.row_of, keys))
            made = self.converter.convert_alike(tokens, names)
        except (StrongroomError, AttributeError, TypeError, UnicodeError):
            return None
        if made is None or max(map(len, made)) > self._most:
            return None
        return Converted(Changes(keys, tokens, made))

    @property
    def _most(self) -> int:
        return self.length if self.length is not None else 1 << 30

    def _convert_each(self, rows: Sequence[Row]) -> Converted:
        done = Converted()
        changes, convert, row_of = done.changes, self.converter.convert, self.row_of
        most = self._most
        for row in rows:
            token = row[-1]
            try:
                new = convert(token, None if row_of is None else row_of(row[:-1]))
            except (StrongroomError, AttributeError, TypeError, UnicodeError) as error:
                done.broken.append(BrokenRow.of(row[:-1], token, reason_of(error)))
                continue
            if new is None:
                done.current += 1
            elif len(new) > most:
                done.broken.append(BrokenRow.of(row[:-1], token, TOO_LONG))
            else:
                changes.keys.append(row[:-1])
                changes.old.append(token)
                changes.new.append(new)
        return done

    def examine(self, rows: Sequence[Row]) -> Converted:
        """Do the same and count the versions that the tokens name."""
        done = self.convert(rows)
        done.versions.update(find_version(row[-1]) or UNNAMED for row in rows)
        return done


def find_version(token: object) -> str | None:
    """Return the version that stands before the colon of a token, whether or not the rest is one."""
    name, colon, _ = token.partition(":") if isinstance(token, str) else ("", "", "")
    return name if colon and is_version_name(name) else None


def reason_of(error: Exception) -> str:
    """Return the code of an error of ours; a text that is not UTF-8, or no text, has one of its own."""
    return error.code if isinstance(error, StrongroomError) else NOT_UTF8
