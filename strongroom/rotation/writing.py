"""Writing what was converted, whatever stands in the way of some of its rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from strongroom.rotation.access import Changes, LockedError, RowRefusedError, TableAccess, TooMuchError
from strongroom.rotation.converting import REFUSED_BY_DATABASE, BrokenRow
from strongroom.rotation.errors import StatementTooSlowError


@dataclass(slots=True)
class Written:
    """How many rows were written, how many somebody else had changed or held, and which the database refuses."""

    processed: int = 0
    changed: int = 0
    broken: list[BrokenRow] = field(default_factory=list)


def finish_changes(access: TableAccess, changes: Changes) -> Written:
    """Wait for changes that were started, and write them in smaller transactions where they did not go as one.

    Locked rows are passed over: they are met again by the passes at the end. Raises StatementTooSlowError where even
    one row takes too long, TargetUnavailableError, TargetRefusedError.
    """
    return _settle(access, changes, access.finish)


def _settle(access: TableAccess, changes: Changes, write: Callable[[], int]) -> Written:
    try:
        done = _passing_over(access, changes, write)
    except (TooMuchError, RowRefusedError, LockedError) as error:
        if len(changes) == 1:
            return _single(changes, error)
        first, second = (
            _settle(access, half, partial(access.write, half, skip_locked=False)) for half in changes.halves()
        )
        return Written(
            first.processed + second.processed, first.changed + second.changed, [*first.broken, *second.broken]
        )
    return Written(done, len(changes) - done)


def _passing_over(access: TableAccess, changes: Changes, write: Callable[[], int]) -> int:
    try:
        return write()
    except LockedError:
        return access.write(changes, skip_locked=True)


def _single(changes: Changes, error: Exception) -> Written:
    if isinstance(error, RowRefusedError):
        return Written(broken=[BrokenRow.of(changes.keys[0], changes.old[0], REFUSED_BY_DATABASE)])
    if isinstance(error, LockedError):
        return Written(changed=1)
    raise StatementTooSlowError(
        "The database ended the change of a single row because it took too long.",
        next_step="See which trigger or lock holds it up; the work goes on where it stopped.",
    )
