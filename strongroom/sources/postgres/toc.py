"""The table of contents of a dump: what pg_restore would list, with exact names and dependencies.

`pg_restore --list` puts names without quotes between spaces, so that they cannot be told apart. The layout is that of
PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c (ReadHead, ReadToc), archive versions 1.12 to 1.16:

    "PGDMP", version (3 bytes), size of an integer, size of an offset, format (1 byte each)
    compression: 1 byte since 1.15, before an integer
    7 integers of the time, 3 texts (database, versions of server and pg_dump), integer: number of entries
    entry: dump id, has data (integers), table oid, oid, tag, description (texts), section (integer),
           definition, drop, copy, schema, tablespace (texts), access method (text, since 1.14),
           relation kind (integer, since 1.16), owner, with oids (texts), dependencies (texts up to a missing one),
           custom format: state (1 byte) and offset; directory format: file name (text)

An integer is a sign byte and its bytes, lowest first; a text is its length as an integer, -1 for a missing one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from strongroom.sources.errors import UnreadableDumpError

_MAGIC = b"PGDMP"
_OLDEST, _NEWEST = (1, 12), (1, 16)
_MOST_ENTRIES = 50_000_000
_LONGEST_TEXT = 1 << 30


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One object of a dump: its number, what it is (such as TABLE), schema and name, and the numbers it needs."""

    number: int
    kind: str
    schema: str
    name: str
    needs: tuple[int, ...]


def read_toc(head: Iterator[memoryview], *, directory: bool) -> list[TocEntry]:
    """Read the entries from the first bytes of a dump; raises UnreadableDumpError and what reading raises."""
    reader = _Reader(head)
    if reader.take(5) != _MAGIC:
        raise _unreadable("it does not begin like one")
    version = (reader.byte(), reader.byte())
    reader.byte()
    if not _OLDEST <= version <= _NEWEST:
        raise _unreadable(f"its archive version {version[0]}.{version[1]} is not known")
    reader.integer_bytes, offset_bytes = reader.byte(), reader.byte()
    _skip_header(reader, version)
    count = reader.integer()
    if not 0 <= count <= _MOST_ENTRIES:
        raise _unreadable("its number of entries makes no sense")
    return [_entry(reader, version, None if directory else offset_bytes) for _ in range(count)]


def _skip_header(reader: "_Reader", version: tuple[int, int]) -> None:
    reader.byte()
    if version >= (1, 15):
        reader.byte()
    else:
        reader.integer()
    for _ in range(7):
        reader.integer()
    for _ in range(3):
        reader.text()


def _entry(reader: "_Reader", version: tuple[int, int], offset_bytes: int | None) -> TocEntry:
    number, _ = reader.integer(), reader.integer()
    _, _, name, kind = (reader.text() for _ in range(4))
    reader.integer()
    _, _, _, schema, _ = (reader.text() for _ in range(5))
    if version >= (1, 14):
        reader.text()
    if version >= (1, 16):
        reader.integer()
    reader.text()
    reader.text()
    needs = tuple(int(text) for text in iter(reader.text, None))
    if offset_bytes is None:
        reader.text()
    else:
        reader.take(1 + offset_bytes)
    return TocEntry(number, kind or "", schema or "", name or "", needs)


class _Reader:
    """Takes bytes from a stream of pieces."""

    def __init__(self, pieces: Iterator[memoryview]) -> None:
        self._pieces = pieces
        self._buffer = b""
        self._at = 0
        self.integer_bytes = 4

    def take(self, count: int) -> bytes:
        while len(self._buffer) - self._at < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise _unreadable("it ends within its table of contents")
            self._buffer = self._buffer[self._at :] + bytes(piece)
            self._at = 0
        self._at += count
        return self._buffer[self._at - count : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def integer(self) -> int:
        negative = self.byte()
        value = int.from_bytes(self.take(self.integer_bytes), "little")
        return -value if negative else value

    def text(self) -> str | None:
        length = self.integer()
        if length > _LONGEST_TEXT:
            raise _unreadable("one of its texts is too long")
        return None if length < 0 else self.take(length).decode("utf-8", "surrogateescape")


def _unreadable(why: str) -> UnreadableDumpError:
    return UnreadableDumpError(
        f"The table of contents of the dump cannot be read: {why}.",
        next_step="Restore whole databases, or use the version of Strongroom that knows this version of pg_dump.",
    )


def missing_schemas(toc: Iterable[TocEntry]) -> list[str]:
    """Return the schemas that a dump of chosen tables uses but does not make."""
    entries = list(toc)
    made = {entry.name for entry in entries if entry.kind == "SCHEMA"} | {"", "public", "pg_catalog"}
    return sorted({entry.schema for entry in entries} - made)
