"""What a backup of a PostgreSQL server holds: the names of its entries, and the facts that describe them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, str | int]

GLOBALS_NAME = b"globals.sql"
"""The entry with roles and tablespaces. No database's entry has this name: theirs end in .dump."""

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


def entry_name(database: str) -> bytes:
    """Return the name of a database's entry: `/` and `%` percent-encoded, with `.dump` behind."""
    return ("".join(_UNSAFE.get(letter, letter) for letter in database) + _SUFFIX).encode()


def describe_holding(databases: Sequence[HeldDatabase]) -> dict[str, str | int]:
    """Return the facts about a backup's databases."""
    held = [database.as_fact() for database in databases]
    return {"databases": json.dumps(held), "database_bytes": sum(database.bytes for database in databases)}


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
