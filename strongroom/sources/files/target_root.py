"""Opening the directory that a restore fills, and refusing to mix a restore with what is there already."""

import os
from pathlib import Path

from strongroom.errors import StrongroomError
from strongroom.sources.errors import TargetConflictError, TargetNotEmptyError
from strongroom.sources.files.capture import displayed
from strongroom.sources.files.refusals import refusal_of

# A file system that was made a moment ago has it, and no backup does.
_IGNORED = {"lost+found"}


def open_target(root: Path, *, overwrite: bool) -> int:
    """Return the descriptor of the target, made with mode 700 where it is absent.

    Raises TargetNotEmptyError, TargetConflictError, TargetNotWritableError, TargetFullError.
    """
    shown = displayed(os.fsencode(root))
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise refusal_of(error, shown) or _not_a_directory(shown) from error
    if not overwrite and holds_something(descriptor):
        os.close(descriptor)
        raise TargetNotEmptyError(
            f"The directory {shown} is not empty.",
            next_step="Restore into a new or empty directory, or ask for an overwrite and confirm its name.",
        )
    return descriptor


def holds_something(descriptor: int) -> bool:
    """Tell whether an open directory has an entry that somebody made."""
    with os.scandir(descriptor) as entries:
        return any(entry.name not in _IGNORED for entry in entries)


def _not_a_directory(shown: str) -> StrongroomError:
    return TargetConflictError(
        f"The target {shown} is not a directory, or is a symbolic link.",
        next_step="Name the directory itself.",
    )
