"""Restoring tables and schemas into a database that holds something, in one transaction.

What is in the way is moved, not dropped: a table into a schema of its own, a schema to another name. Nothing of the
target is lost, and nobody sees it half-way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from strongroom.sources.errors import TargetConflictError
from strongroom.sources.postgres.connection import Connection
from strongroom.sources.postgres.picking import Picked, Thing, pick
from strongroom.sources.postgres.present import filled, identifier, movable, present, referrers
from strongroom.sources.postgres.selection import DumpSelection, Part
from strongroom.sources.postgres.toc import TocEntry, missing_schemas
from strongroom.tree.content import Problem, ProblemKind

_ASIDE = "strongroom_replaced_"


@dataclass(frozen=True)
class Merge:
    """What is restored into a database that holds something: the entries, and the SQL that makes room before."""

    picked: Picked
    room: tuple[sql.Composed, ...]
    problems: tuple[Problem, ...]


def plan_merge(connection: Connection, toc: Sequence[TocEntry], selection: DumpSelection, *, overwrite: bool) -> Merge:
    """Decide what is restored and what is moved aside; raises TargetConflictError, DumpSelectionError."""
    existing = present(connection)
    if selection.part is Part.DATA:
        picked = pick(toc, selection, existing)
        _verify_ready_for_rows(connection, picked.tables_with_rows(), existing)
        return Merge(picked, (), ())
    schemas = _schemas_in_the_way(toc, selection, existing)
    gone = {Thing("SCHEMA", "", name) for name in schemas}
    remaining = frozenset(one for one in existing - gone if one.schema not in schemas)
    picked = pick(toc, selection, remaining)
    taken = picked.relations() & remaining
    if (schemas or taken) and not overwrite:
        raise _in_the_way([f"schema {name}" for name in schemas] + sorted(_spelled(one) for one in taken))
    return _make_room(connection, picked, schemas, movable(connection, taken), remaining)


def _schemas_in_the_way(toc: Sequence[TocEntry], selection: DumpSelection, existing: frozenset[Thing]) -> list[str]:
    """Return the chosen schemas that hold something in the target."""
    if not selection.schemas:
        return []
    chosen = {entry.schema for entry in pick(toc, DumpSelection(schemas=selection.schemas), existing).entries}
    return sorted({one.schema for one in existing} & chosen - {""})


def _make_room(
    connection: Connection, picked: Picked, schemas: list[str], tables: list[Thing], remaining: frozenset[Thing]
) -> Merge:
    aside = _free_name(present(connection))
    room = [
        sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(_renamed(aside, name)))
        for name in schemas
    ]
    if tables:
        room.append(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
    room += [sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(identifier(one), sql.Identifier(aside)) for one in tables]
    there = {one.name for one in remaining if one.kind == "SCHEMA"}
    lacking = [name for name in missing_schemas(picked.entries) if name not in there]
    lacking += [name for name in schemas if name == "public"]
    room += [sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)) for name in lacking]
    problems = (*left_out(picked), *_told(connection, tables, schemas, aside))
    return Merge(picked, tuple(room), problems)


def _renamed(aside: str, schema: str) -> str:
    return f"{aside}_{schema}".encode()[:63].decode(errors="ignore")


def _told(connection: Connection, tables: list[Thing], schemas: list[str], aside: str) -> Iterator[Problem]:
    for name in referrers(connection, tables):
        yield _note(name, f"still refers to the table that was replaced, which is in schema {aside} now")
    for one in tables:
        yield _note(_spelled(one), f"what it replaced is kept in schema {aside}; drop it when you are sure")
    for name in schemas:
        yield _note(name, f"what it replaced is kept as schema {_renamed(aside, name)}; drop it when you are sure")


def left_out(picked: Picked) -> list[Problem]:
    """Return what of the chosen tables is not restored."""
    return [
        _note(f"{entry.schema}.{entry.name}", f"the {entry.kind.lower()} needs something that was not chosen")
        for entry in picked.left_out
    ]


def _note(path: str, reason: str) -> Problem:
    return Problem(path, ProblemKind.METADATA, reason)


def _verify_ready_for_rows(connection: Connection, tables: frozenset[Thing], existing: frozenset[Thing]) -> None:
    absent = sorted(_spelled(one) for one in tables - existing)
    if absent:
        raise TargetConflictError(
            f"The target has no table {', '.join(absent[:5])} for the rows.",
            next_step="Restore definitions and rows, or make the tables first.",
        )
    full = [_spelled(one) for one in filled(connection, tables)]
    if full:
        raise TargetConflictError(
            f"The tables {', '.join(full[:5])} hold rows already; nothing was changed.",
            next_step="Empty them, or restore definitions and rows with --overwrite, which keeps the old tables.",
        )


def _spelled(one: Thing) -> str:
    return f"{one.schema}.{one.name}"


def _in_the_way(names: list[str]) -> TargetConflictError:
    return TargetConflictError(
        f"The target has {', '.join(names[:5])} already; nothing was changed.",
        next_step="Restore into another database, or ask for an overwrite: what is replaced is kept in a schema aside.",
    )


def _free_name(existing: frozenset[Thing]) -> str:
    taken = [one.name for one in existing if one.kind == "SCHEMA"]
    number = 1
    while any(name == f"{_ASIDE}{number}" or name.startswith(f"{_ASIDE}{number}_") for name in taken):
        number += 1
    return f"{_ASIDE}{number}"
