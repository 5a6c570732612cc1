"""What became of each database of a backup: one that fails for good is left out, as long as another is whole."""

from strongroom.errors import StrongroomError
from strongroom.sources.errors import DatabaseNotFoundError, LockTimeoutError
from strongroom.tree.content import Problem, ProblemKind


class Outcomes:
    """Decides whether a failure ends the backup or becomes a problem of it."""

    def __init__(self, *, databases: int) -> None:
        self._sole = databases == 1
        self._first: StrongroomError | None = None
        self.whole: set[str] = set()

    def judge(self, database: str, error: StrongroomError) -> Problem:
        """Return the problem to record; raises the error where another attempt may mend it, or nothing else is left.

        A lock is no reason to try all databases again: whoever holds it may do so for hours.
        """
        if self._sole or (error.retryable and not isinstance(error, LockTimeoutError)):
            raise error
        self._first = self._first or error
        return describe(database, error)

    def verify_something(self) -> None:
        """Raise the first error if no database is whole."""
        if self._first and not self.whole:
            raise self._first


def describe(name: str, error: StrongroomError) -> Problem:
    """Return the problem that a part of a server was not backed up."""
    gone = isinstance(error, DatabaseNotFoundError)
    reason = f"{error.what} {error.next_step}".strip()
    return Problem(name, ProblemKind.VANISHED if gone else ProblemKind.UNREADABLE, reason)
