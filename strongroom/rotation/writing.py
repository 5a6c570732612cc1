"""Writing what was converted, whatever stands in the way of some of its rows."""

from dataclasses import dataclass, field

from strongroom.rotation.access import Changes, LockedError, RowRefusedError, TableAccess, TooMuchError
from strongroom.rotation.converting import REFUSED_BY_DATABASE, BrokenRow
from strongroom.rotation.errors import StatementTooSlowError


@dataclass(slots=True)
class Written:
    """How many rows were written, how many somebody else had changed or held, and which the database refuses."""

    processed: int = 0
    changed: int = 0
    broken: list[BrokenRow] = field(default_factory=list)


def write_changes(access: TableAccess, changes: Changes) -> Written:
    """Write the changes in one transaction if that goes, and in smaller ones if not.

    Locked rows are passed over: they are met again by the passes at the end. Raises StatementTooSlowError where even
    one row takes too long, TargetUnavailableError, TargetRefusedError.
    """
    written = Written()
    if len(changes):
        _write(access, changes, written)
    return written


def _write(access: TableAccess, changes: Changes, written: Written) -> None:
    try:
        done = _write_at_once(access, changes)
    except (TooMuchError, RowRefusedError, LockedError) as error:
        if len(changes) > 1:
            for half in changes.halves():
                _write(access, half, written)
            return
        _settle_single(changes, error, written)
        return
    written.processed += done
    written.changed += len(changes) - done


def _write_at_once(access: TableAccess, changes: Changes) -> int:
    try:
        return access.write(changes, skip_locked=False)
    except LockedError:
        return access.write(changes, skip_locked=True)


def _settle_single(changes: Changes, error: Exception, written: Written) -> None:
    if isinstance(error, RowRefusedError):
        written.broken.append(BrokenRow.of(changes.keys[0], changes.old[0], REFUSED_BY_DATABASE))
    elif isinstance(error, LockedError):
        written.changed += 1
    else:
        raise StatementTooSlowError(
            "The database ended the change of a single row because it took too long.",
            next_step="See which trigger or lock holds it up; the work goes on where it stopped.",
        )
