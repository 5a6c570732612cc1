"""Choosing the objects of a dump that belong to wanted tables and schemas.

pg_restore's own --table leaves indexes, constraints, triggers and sequences behind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strongroom.sources.errors import DumpSelectionError
from strongroom.sources.postgres.choosing import matches
from strongroom.sources.postgres.selection import DumpSelection, Part, split_name
from strongroom.sources.postgres.toc import TocEntry

RELATIONS = {"TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE"}
_ROWS = {"TABLE DATA", "SEQUENCE SET", "MATERIALIZED VIEW DATA", "STATISTICS DATA", "BLOBS"}
# About the dump or the whole database.
_FRAME = {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "DATABASE PROPERTIES"}
_TYPES = {"TYPE", "SHELL TYPE", "DOMAIN"}
# What is made together with its table, and means nothing without it.
_DEPENDENTS = _ROWS | {
    "ACL",
    "CHECK CONSTRAINT",
    "COMMENT",
    "CONSTRAINT",
    "DEFAULT",
    "FK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
    "POLICY",
    "ROW SECURITY",
    "RULE",
    "SECURITY LABEL",
    "SEQUENCE",
    "SEQUENCE OWNED BY",
    "STATISTICS",
    "TABLE ATTACH",
    "TRIGGER",
}
# What a table may need before it can be made.
_NEEDED = _TYPES | {"SCHEMA", "EXTENSION", "COLLATION", "FUNCTION", "SEQUENCE"}


@dataclass(frozen=True, slots=True)
class Thing:
    """An object by kind, schema and name; kind is RELATION or TYPE for all kinds of these."""

    kind: str
    schema: str
    name: str


NEW_DATABASE = frozenset({Thing("SCHEMA", "", "public"), Thing("EXTENSION", "", "plpgsql")})
"""What every database has."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The chosen entries in the dump's order, and what was left out since it hangs on something not chosen."""

    entries: tuple[TocEntry, ...]
    left_out: tuple[TocEntry, ...]

    def relations(self) -> frozenset[Thing]:
        """Return the tables, views and sequences that will be made."""
        return frozenset(thing(entry) for entry in self.entries if entry.kind in RELATIONS)

    def tables_with_rows(self) -> frozenset[Thing]:
        """Return the tables that rows will be put into."""
        return frozenset(Thing("RELATION", e.schema, e.name) for e in self.entries if e.kind == "TABLE DATA")


def thing(entry: TocEntry) -> Thing:
    """Return what an entry makes."""
    if entry.kind in RELATIONS:
        return Thing("RELATION", entry.schema, entry.name)
    return Thing("TYPE" if entry.kind in _TYPES else entry.kind, entry.schema, entry.name)


def pick(toc: Sequence[TocEntry], selection: DumpSelection, existing: frozenset[Thing]) -> Picked:
    """Choose what a selection means; `existing` is what a target has and does not need again.

    Raises DumpSelectionError where a part of the selection fits nothing.
    """
    picker = _Picker(toc)
    numbers = picker.with_dependents(picker.wanted(selection))
    numbers |= picker.needs(numbers, existing)
    shared = {entry.number for entry in toc if entry.kind in {"SCHEMA", "EXTENSION"} and thing(entry) in existing}
    chosen = [entry for entry in toc if entry.number in numbers - shared and _is_part(entry, selection.part)]
    left_out = [] if selection.part is Part.DATA else list(picker.incomplete(numbers))
    return Picked(tuple(chosen), tuple(left_out))


def _is_part(entry: TocEntry, part: Part) -> bool:
    return part is Part.ALL or (entry.kind in _ROWS) == (part is Part.DATA)


class _Picker:
    def __init__(self, toc: Sequence[TocEntry]) -> None:
        self._toc = toc
        self._by_number = {entry.number: entry for entry in toc}

    def wanted(self, selection: DumpSelection) -> set[int]:
        chosen = {entry.number for pattern in selection.tables for entry in self._tables(pattern)}
        chosen |= {entry.number for pattern in selection.schemas for entry in self._in_schema(pattern)}
        if selection.tables or selection.schemas:
            return chosen
        return {entry.number for entry in self._toc if entry.kind not in _FRAME}

    def _tables(self, pattern: str) -> list[TocEntry]:
        schema, name = split_name(pattern)
        found = [
            entry
            for entry in self._toc
            if entry.kind in RELATIONS and matches(entry.name, name) and matches(entry.schema, schema or "*")
        ]
        return found or _nothing("table", pattern)

    def _in_schema(self, pattern: str) -> list[TocEntry]:
        found = [entry for entry in self._toc if matches(entry.schema, pattern)]
        made = [entry for entry in self._toc if entry.kind == "SCHEMA" and matches(entry.name, pattern)]
        return found + made if found or made else _nothing("schema", pattern)

    def with_dependents(self, numbers: set[int]) -> set[int]:
        """Add sequences that belong to chosen tables, partitions of them, and whatever hangs on them alone."""
        before = -1
        while len(numbers) != before:
            before = len(numbers)
            numbers |= {number for entry in self._toc for number in self._pulled(entry, numbers)}
        return numbers

    def _pulled(self, entry: TocEntry, numbers: set[int]) -> Iterator[int]:
        needs = {need for need in entry.needs if need in self._by_number}
        if entry.kind not in _DEPENDENTS or not numbers & needs:
            return
        if entry.kind == "TABLE ATTACH":
            parents = {need for need in needs if not self._is_named(need, entry)}
            yield from needs if parents <= numbers else ()
        bound = {need for need in needs if self._binds(entry, need)}
        if bound <= numbers or entry.kind == "DEFAULT":
            yield entry.number

    def _is_named(self, number: int, entry: TocEntry) -> bool:
        other = self._by_number[number]
        return (other.schema, other.name) == (entry.schema, entry.name)

    def _binds(self, entry: TocEntry, number: int) -> bool:
        """Tell whether an entry makes no sense without another; an index of a partition does without its parent's."""
        kind = self._by_number[number].kind
        return kind in RELATIONS or (kind in {"CONSTRAINT", "INDEX"} and entry.kind not in {"CONSTRAINT", "INDEX"})

    def needs(self, numbers: set[int], existing: frozenset[Thing]) -> set[int]:
        """Return what chosen entries need and the target lacks, such as their types."""
        found: set[int] = set()
        waiting = [self._by_number[number] for number in numbers]
        while waiting:
            entry = waiting.pop()
            for other in self._needed_by(entry):
                if other.number not in numbers | found and thing(other) not in existing:
                    found.add(other.number)
                    waiting.append(other)
        return found

    def _needed_by(self, entry: TocEntry) -> Iterator[TocEntry]:
        for need in entry.needs:
            other = self._by_number.get(need)
            if other and other.kind in _NEEDED:
                yield other
        yield from (one for one in self._schemas() if one.name == entry.schema)

    def _schemas(self) -> Iterator[TocEntry]:
        return (entry for entry in self._toc if entry.kind == "SCHEMA")

    def incomplete(self, numbers: set[int]) -> Iterator[TocEntry]:
        """Yield what hangs on a chosen table and on one that is not chosen."""
        for entry in self._toc:
            chosen = numbers.intersection(entry.needs)
            hangs = any(self._is_of(entry, self._by_number[number]) for number in chosen)
            if hangs and entry.kind in _DEPENDENTS and entry.number not in numbers:
                yield entry

    def _is_of(self, entry: TocEntry, table: TocEntry) -> bool:
        """Tell whether an entry is a part of a table; a foreign key is one of the table it is in."""
        if entry.kind == "FK CONSTRAINT":
            return table.schema == entry.schema and entry.name.startswith(f"{table.name} ")
        return table.kind in RELATIONS


def _nothing(what: str, pattern: str) -> list[TocEntry]:
    raise DumpSelectionError(
        f"The dump holds no {what} that fits {pattern!r}.",
        next_step="Names are matched as they are, upper and lower case apart; * and ? stand for anything.",
    )
