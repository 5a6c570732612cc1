"""A database dumped into a private directory by several connections, and the files of that directory as entries."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from strongroom.sources.postgres.tool import Tool
from strongroom.tree.content import Enter, Item, Leave, OpenContent, Problem, Step
from strongroom.tree.entry import Entry, EntryType


def dump_directory(command: Sequence[str], environment: dict[str, str], check: Callable[[], None]) -> tuple[int, str]:
    """Run pg_dump to its end, calling `check` every second; returns its status and complaints."""
    with Tool(command, environment) as tool:
        status = tool.wait(check)
        return status, tool.complaints()


def directory_steps(name: bytes, directory: Path) -> Iterator[Step]:
    """Yield a dump's directory as an entry called `name`."""
    yield Enter(Entry(name, EntryType.DIRECTORY, 0o700))
    for path in sorted(directory.iterdir(), key=lambda path: os.fsencode(path.name)):
        entry = Entry(os.fsencode(path.name), EntryType.FILE, 0o600, size=path.stat().st_size)
        yield Item(entry, DumpedFile(path, entry))
    yield Leave()


class DumpedFile:
    """A file that pg_dump has finished; nobody else changes it."""

    replayable = True

    def __init__(self, path: Path, entry: Entry) -> None:
        self._path = path
        self._entry = entry

    def open(self) -> AbstractContextManager[OpenContent]:
        """Open for reading."""
        return self._opened()

    @contextmanager
    def _opened(self) -> Iterator[OpenContent]:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            yield OpenDumpedFile(self._entry, descriptor)
        finally:
            os.close(descriptor)


class OpenDumpedFile:
    """A finished file being read."""

    def __init__(self, entry: Entry, descriptor: int) -> None:
        self.entry = entry
        self._descriptor = descriptor

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next bytes; 0 at the end."""
        return os.readv(self._descriptor, [view])

    def settle(self) -> Problem | None:
        """Return None: the file is as long as it was."""
        return None
