"""What a backup of a PostgreSQL server holds: the names of its entries, and the facts that describe them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, str | int]

GLOBALS_NAME = b"globals.sql"
"""The entry with roles and tablespaces. No database's entry has this name: theirs end in .dump."""

ROWS_FACT = "row_counts"
"""The fact with the rows of every table; it stays in the manifest, as nobody looks at it but a drill."""

LEFT_OUT_FACT = "rows_left_out"
"""The fact with the tables whose comment keeps their rows out of backups."""

_SUFFIX = ".dump"
_FIRST_NAME = b"database.dump"
_UNSAFE = {"%": "%25", "/": "%2F"}


@dataclass(frozen=True, slots=True)
class HeldDatabase:
    """One database in a backup; `bytes` is its size on the server, `jobs` with how many it was dumped.

    `entry` is a file in pg_dump's custom format or a directory in its directory format, not compressed.
    """

    name: str
    entry: bytes
    encoding: str = "UTF8"
    collate: str = "C"
    ctype: str = "C"
    bytes: int = 0
    format: str = "custom"
    jobs: int = 1

    def as_fact(self) -> dict[str, str | int]:
        """Return the form that the facts of a backup keep."""
        return {
            "name": self.name,
            "encoding": self.encoding,
            "collate": self.collate,
            "ctype": self.ctype,
            "bytes": self.bytes,
            "format": self.format,
            "jobs": self.jobs,
        }


@dataclass(frozen=True, slots=True)
class TableRows:
    """How many rows a table had."""

    schema: str
    table: str
    rows: int

    def as_fact(self) -> list[str | int]:
        """Return the form that the facts of a backup keep."""
        return [self.schema, self.table, self.rows]


def entry_name(database: str) -> bytes:
    """Return the name of a database's entry: `/` and `%` percent-encoded, with `.dump` behind."""
    return ("".join(_UNSAFE.get(letter, letter) for letter in database) + _SUFFIX).encode()


def describe_holding(databases: Sequence[HeldDatabase]) -> dict[str, str | int]:
    """Return the facts about a backup's databases."""
    held = [database.as_fact() for database in databases]
    return {"databases": json.dumps(held), "database_bytes": sum(database.bytes for database in databases)}


def describe_rows(counted: Mapping[str, Sequence[TableRows]]) -> dict[str, str | int]:
    """Return the fact about the rows of every database whose rows were counted."""
    if not counted:
        return {}
    by_database = {name: [table.as_fact() for table in tables] for name, tables in counted.items()}
    return {ROWS_FACT: json.dumps(by_database, separators=(",", ":"), ensure_ascii=False)}


def describe_left_out(tables: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, str | int]:
    """Return the fact about tables that are in the backup without their rows, by database."""
    named = {database: [list(table) for table in found] for database, found in sorted(tables.items()) if found}
    return {LEFT_OUT_FACT: json.dumps(named, separators=(",", ":"), ensure_ascii=False)} if named else {}


def held_rows(facts: Facts, database: str) -> tuple[TableRows, ...]:
    """Return the rows of the tables of a database when it was dumped; none where they were not counted."""
    documents = json.loads(str(facts.get(ROWS_FACT, "{}"))).get(database, [])
    return tuple(TableRows(*document) for document in documents)


def held_databases(facts: Facts) -> tuple[HeldDatabase, ...]:
    """Return the databases that the facts of a backup describe, in the order of their names."""
    if "databases" not in facts:
        # The first backups held one database, in an entry with a fixed name.
        return (_first_kind(facts),)
    documents: list[dict[str, Any]] = json.loads(str(facts["databases"]))
    return tuple(HeldDatabase(entry=entry_name(document["name"]), **document) for document in documents)


def _first_kind(facts: Facts) -> HeldDatabase:
    return HeldDatabase(
        name=str(facts.get("database", "")),
        entry=_FIRST_NAME,
        encoding=str(facts.get("encoding", "UTF8")),
        collate=str(facts.get("collate", "C")),
        ctype=str(facts.get("ctype", "C")),
        bytes=int(facts.get("database_bytes", 0)),
    )
