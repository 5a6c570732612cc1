"""Which entries of a backup are wanted: by path, and by pattern."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from strongroom.backup.errors import BadSelectionError, NothingSelectedError
from strongroom.tree.entry import Entry, EntryType

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

PathEntry = tuple[bytes, Entry]
"""A path relative to the root of the backup, which is b"", and what is there."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted of a backup; with nothing named, everything.

    `paths` are files, or directories with all below them, relative to the root of the backup. `include` and `exclude`
    are patterns as in a .gitignore file. An entry is wanted when a path or an include pattern names it, and no exclude
    pattern does. Non-UTF-8 names are spelled as the operating system's own functions do (surrogate escapes).
    """

    paths: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Say whether nothing is left out."""
        return not (self.paths or self.include or self.exclude)

    def as_args(self) -> dict[str, list[str]]:
        """Return the form that a job carries."""
        return {"paths": list(self.paths), "include": list(self.include), "exclude": list(self.exclude)}


EVERYTHING = Selection()


def parse_selection(args: Mapping[str, Any] | None) -> Selection:
    """Read a selection from a job's arguments; jobs of older versions carry none and want everything."""
    if args is None:
        return EVERYTHING
    return Selection(tuple(args["paths"]), tuple(args["include"]), tuple(args["exclude"]))


def verify_selection(selection: Selection, source_kind: str) -> None:
    """Return when the selection can be understood and fits the kind of source; raises BadSelectionError."""
    if not selection.is_everything and source_kind == "postgres":
        raise BadSelectionError(
            "A PostgreSQL backup is not restored by path.", next_step="Leave out paths and patterns."
        )
    _Matcher(selection)


def select(entries: Iterable[PathEntry], selection: Selection) -> Iterator[PathEntry]:
    """Yield the wanted entries, each after the directories that lead to it.

    A file with several names gets its content under the first of them that is wanted. Raises NothingSelectedError at
    the end where a path names nothing, or where nothing at all was wanted.
    """
    if selection.is_everything:
        yield from entries
        return
    matcher = _Matcher(selection)
    links = _Links()
    waiting: list[PathEntry] = []
    for path, found in entries:
        while waiting and not is_below(path, waiting[-1][0]):
            waiting.pop()
        wanted = matcher.wants(path, found)
        entry = links.follow(found, wanted=wanted)
        if wanted:
            yield from waiting
            waiting.clear()
            yield path, entry
        elif entry.type is EntryType.DIRECTORY:
            waiting.append((path, entry))
    matcher.verify_found()


def encode_path(path: str) -> bytes:
    """Return a path as backups spell it, relative to the root; raises BadSelectionError."""
    raw = os.fsencode(path)
    parts = [part for part in raw.split(b"/") if part not in (b"", b".")]
    if b".." in parts or b"\0" in raw:
        raise BadSelectionError(
            f"The path {path!r} cannot be in a backup.", next_step="Write it as `strongroom backup ls BACKUP` does."
        )
    return b"/".join(parts)


def is_below(path: bytes, directory: bytes) -> bool:
    """Say whether a path lies in a directory, however deep."""
    return not directory or path.startswith(directory + b"/")


def no_such_path(path: str) -> NothingSelectedError:
    """Say that the backup holds nothing under this path."""
    return NothingSelectedError(
        f"The backup holds no {path!r}.",
        next_step="Paths are relative to the root of the backup: see `strongroom backup ls BACKUP`.",
    )


class _Matcher:
    def __init__(self, selection: Selection) -> None:
        self._paths = {encode_path(path): path for path in selection.paths}
        self._lengths = sorted({len(path) for path in self._paths})
        self._missing = dict(self._paths)
        self._include = _patterns(selection.include)
        self._exclude = _patterns(selection.exclude)
        self._everything = not (selection.paths or selection.include)
        self._found = False

    def wants(self, path: bytes, entry: Entry) -> bool:
        """Say whether the entry itself is wanted."""
        named = self._is_named(path)
        text = os.fsdecode(path) + ("/" if entry.type is EntryType.DIRECTORY else "")
        wanted = (named or self._everything or self._include.match_file(text)) and not self._exclude.match_file(text)
        self._found = self._found or wanted
        return wanted

    def verify_found(self) -> None:
        if self._missing:
            first = next(iter(self._missing.values()))
            raise no_such_path(first)
        if not self._found:
            raise NothingSelectedError(
                "Nothing in the backup is selected.", next_step="See what it holds: `strongroom backup ls BACKUP`."
            )

    def _is_named(self, path: bytes) -> bool:
        self._missing.pop(path, None)
        return any(
            path[:length] in self._paths and (not length or path[length : length + 1] in (b"", b"/"))
            for length in self._lengths
        )


class _Links:
    """Hands the content of a file with several names to the first name that is wanted."""

    def __init__(self) -> None:
        self._left_out: dict[int, Entry] = {}

    def follow(self, entry: Entry, *, wanted: bool) -> Entry:
        if not entry.link_id:
            return entry
        if not wanted:
            if entry.extents or entry.digest:
                self._left_out[entry.link_id] = entry
            return entry
        first = self._left_out.pop(entry.link_id, None)
        if first is None:
            return entry
        # Whole: the other names carry neither the attributes nor the size that its content had when it was read.
        return msgspec.structs.replace(first, name=entry.name)


def _patterns(lines: Sequence[str]) -> "GitIgnoreSpec":
    # Imported where a pattern is: most backups and restores have none.
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise BadSelectionError(
            f"A pattern cannot be understood: {error}.", next_step="Write patterns as in a .gitignore file."
        ) from error
