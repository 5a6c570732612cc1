"""What a source takes and what it leaves out, by patterns as in a .gitignore file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.sources.errors import BadExcludePatternError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Exclusion:
    """Gitignore patterns, relative to the root of the source; raises BadExcludePatternError.

    With patterns to include, a file that none of them fits is left out; directories are looked into all the same.
    """

    def __init__(self, exclude: Sequence[str], include: Sequence[str] = ()) -> None:
        self._excluded = _spec(exclude)
        self._included = _spec(include) if include else None

    def covers(self, path: bytes, *, is_directory: bool) -> bool:
        """Tell whether the path is left out; with a directory, everything below it is."""
        text = os.fsdecode(path)
        if self._excluded.match_file(f"{text}/" if is_directory else text):
            return True
        return not is_directory and self._included is not None and not self._included.match_file(text)


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a tree belongs to a source: all but what is excluded, and with one_file_system nothing of another one."""

    exclusion: Exclusion | None = None
    one_file_system: bool = False


def _spec(patterns: Sequence[str]) -> "GitIgnoreSpec":
    # Imported where a pattern is: few sources have any.
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise BadExcludePatternError(
            f"A pattern of the source cannot be understood: {error}.",
            next_step="Write the include and exclude patterns of the source as in a .gitignore file.",
        ) from error
