"""A dump as a backup holds it: one file in the custom format, or the files of a directory."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from strongroom.sources.postgres.holding import HeldDatabase
from strongroom.sources.postgres.toc import TocEntry, read_toc

TOC_FILE = "toc.dat"

Read = Callable[[], Generator[memoryview]]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a dump; `read` yields its bytes, and raises at the end if they are not what was stored."""

    name: str
    size: int
    read: Read


@dataclass(frozen=True, slots=True)
class StoredDump:
    """The files of one database's dump, and the version of the pg_dump that wrote them."""

    held: HeldDatabase
    pg_dump_major: int
    files: tuple[StoredFile, ...]

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def is_stream(self) -> bool:
        """Tell whether pg_restore can read it from a pipe."""
        return self.held.format == "custom"

    def head(self) -> Generator[memoryview]:
        """Yield the bytes that begin with the table of contents."""
        name = None if self.is_stream else TOC_FILE
        return next(file for file in self.files if name in (None, file.name)).read()

    def toc(self) -> list[TocEntry]:
        """Read the table of contents; raises UnreadableDumpError and what reading raises."""
        with closing(self.head()) as head:
            return read_toc(head, directory=not self.is_stream)

    def lay_down(self, path: Path, check: Callable[[], None]) -> None:
        """Write the dump to a path that does not exist, as the file or directory that pg_restore wants."""
        if self.is_stream:
            _write(path, self.files[0].read(), check)
            return
        path.mkdir(mode=0o700)
        for file in self.files:
            _write(path / file.name, file.read(), check)


def _write(path: Path, data: Iterable[memoryview], check: Callable[[], None]) -> None:
    with path.open("xb") as file:
        path.chmod(0o600)
        for piece in data:
            file.write(piece)
            check()
