"""What a source leaves out, by patterns as in a .gitignore file."""

import os
from collections.abc import Sequence

from pathspec import GitIgnoreSpec

from strongroom.sources.errors import BadExcludePatternError


class Exclusion:
    """Gitignore patterns, relative to the root of the source; raises BadExcludePatternError."""

    def __init__(self, patterns: Sequence[str]) -> None:
        try:
            self._spec = GitIgnoreSpec.from_lines(patterns)
        except ValueError as error:
            raise BadExcludePatternError(
                f"An exclude pattern cannot be understood: {error}.",
                next_step="Write the exclude patterns of the source as in a .gitignore file.",
            ) from error

    def covers(self, path: bytes, *, is_directory: bool) -> bool:
        """Tell whether the path is left out; with a directory, everything below it is."""
        text = os.fsdecode(path)
        return self._spec.match_file(f"{text}/" if is_directory else text)
