"""Telling a target that takes nothing any more from an entry that it cannot hold."""

import errno

from strongroom.errors import StrongroomError
from strongroom.sources.errors import TargetFullError, TargetNotWritableError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EACCES, errno.EROFS}


def refusal_of(error: OSError, shown: str) -> StrongroomError | None:
    """Return the error that ends a restore, or None if only this one entry is concerned."""
    if error.errno in _FULL:
        return TargetFullError(
            f"There is no room left for {shown} ({error.strerror}).",
            next_step="Make room, then restore again into the same directory with overwrite, or into a larger one.",
        )
    if error.errno in _CLOSED:
        return TargetNotWritableError(
            f"This process may not write {shown} ({error.strerror}).",
            next_step="Run the worker as a user that may write there, or restore into another directory.",
        )
    return None
