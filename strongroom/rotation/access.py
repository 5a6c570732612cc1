"""What re-encryption asks of a table, whatever database it is in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from strongroom.columnkeys.ring import is_version_name
from strongroom.rotation.target import CurrentTokens, Key

UNNAMED = "?"
"""Stands for the version of a token that names none."""

Row = tuple[Any, ...]
"""The values of the key, then the token."""


@dataclass(slots=True)
class Changes:
    """Rows to write: parallel lists of keys, the tokens they are expected to hold, and the new ones."""

    keys: list[Key] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, more: "Changes") -> None:
        """Append other changes."""
        self.keys += more.keys
        self.old += more.old
        self.new += more.new

    def halves(self) -> "tuple[Changes, Changes]":
        """Return the first and the second half."""
        middle = len(self) // 2
        return (
            Changes(self.keys[:middle], self.old[:middle], self.new[:middle]),
            Changes(self.keys[middle:], self.old[middle:], self.new[middle:]),
        )


class LockedError(Exception):
    """A row was locked by somebody else for longer than the wait; nothing of the batch was written."""


class TooMuchError(Exception):
    """The batch met a deadlock or took too long; nothing of it was written, and a smaller one may pass."""


class RowRefusedError(Exception):
    """A constraint, a trigger or the column's length refuses a row of the batch; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class Strain:
    """How hard the database is pressed: seconds its slowest replica lags, and statements that wait for a lock.

    `others` are the sessions of other programs that sent a statement within the last second.
    """

    lag_seconds: float = 0.0
    lock_waits: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """Rows by the version their token names, `?` for none, and how many are `left` that are not up to date."""

    versions: dict[str, int]
    left: int

    @classmethod
    def of(cls, counted: Iterable[tuple[str | None, int, int]]) -> "Census":
        """Add up what a database says: what stands before the colon, if it is short, rows, and rows that are left."""
        versions: Counter[str] = Counter()
        left = 0
        for name, rows, old in counted:
            versions[name if name is not None and is_version_name(name) else UNNAMED] += rows
            left += old
        return cls(dict(versions), left)


class TableAccess(Protocol):
    """One table with one encrypted column, for one thread.

    Every method raises TargetUnavailableError and TargetRefusedError.
    """

    @property
    def parallel(self) -> bool:
        """Say whether several workers may write at the same time."""

    def read(self, after: Sequence[Any] | None, upto: Sequence[Any] | None, limit: int) -> list[Row]:
        """Return rows with a value, in key order, `after` left out and `upto` taken in."""

    def read_left(self, after: Sequence[Any] | None, current: CurrentTokens, limit: int) -> list[Row]:
        """Return rows after a key whose token is not up to date, in key order."""

    def start(self, changes: Changes) -> None:
        """Begin to write, in one transaction, the rows that still hold the old token; reading may go on meanwhile."""

    def finish(self) -> int:
        """Return how many rows `start` wrote, when it is done.

        Raises LockedError, TooMuchError, RowRefusedError.
        """

    def write(self, changes: Changes, *, skip_locked: bool) -> int:
        """Do both; with `skip_locked` rows that somebody else holds are passed over. Raises as `finish`."""

    def make_durable(self) -> None:
        """Return when a crash of the database can no longer undo what was written."""

    def count(self) -> int:
        """Return how many rows have a value; of a very large table an estimate."""

    def count_versions(self, current: CurrentTokens | None = None) -> Census:
        """Count rows with a value by the version their token names, and those that are not up to date."""

    def list_writers(self) -> frozenset[str]:
        """Return the open transactions that have written to the table, and may commit rows that are not counted.

        SQLite waits for the only one there can be; of MySQL and MariaDB none is known.
        """

    def split(self, pieces: int) -> list[Sequence[Any]]:
        """Return up to `pieces - 1` keys, in order, that divide the rows into about equal parts."""

    def measure_strain(self) -> Strain:
        """Return how hard the database is pressed now."""

    def vacuum(self, *, gently: bool) -> None:
        """Free the space of replaced rows where the database needs that and allows it; gently, with pauses."""

    def close(self) -> None:
        """Close the connections."""
