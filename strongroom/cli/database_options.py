"""The options that say what of a PostgreSQL backup is restored."""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

from strongroom.backup.database_wish import DatabaseWish
from strongroom.sources.postgres.selection import DumpSelection, Part

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class DatabaseOptions(TypedDict):
    """The options that `database_options` gives a command."""

    databases: tuple[str, ...]
    tables: tuple[str, ...]
    schemas: tuple[str, ...]
    schema_only: bool
    data_only: bool
    jobs: int
    owners: bool


def database_options(function: FunctionT) -> FunctionT:
    """Give a command the options about databases."""
    options = (
        click.option("--database", "databases", multiple=True, metavar="NAME", help="Only this database; repeat it."),
        click.option(
            "--table",
            "tables",
            multiple=True,
            metavar="NAME",
            help="Only this table, [SCHEMA.]NAME or a pattern; repeat.",
        ),
        click.option("--schema", "schemas", multiple=True, metavar="NAME", help="Only this schema; repeat."),
        click.option("--schema-only", is_flag=True, help="Definitions without rows."),
        click.option("--data-only", is_flag=True, help="Rows, into tables that are there and empty."),
        click.option(
            "--jobs",
            type=click.IntRange(0, 64),
            default=0,
            help="Connections that fill a database at a time; as many as dumped it where not given.",
        ),
        click.option("--owners", is_flag=True, help="Give objects their owners and privileges; the roles must exist."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def read_wish(options: DatabaseOptions) -> DatabaseWish | None:
    """Return what the options ask for, None where none was given; raises click.UsageError."""
    selection = DumpSelection(options["tables"], options["schemas"], _part(options))
    wish = DatabaseWish(options["databases"], options["jobs"], options["owners"], selection)
    return None if wish == DatabaseWish() else wish


def _part(options: DatabaseOptions) -> Part:
    if options["schema_only"] and options["data_only"]:
        raise click.UsageError("--schema-only and --data-only exclude each other.")
    if options["schema_only"]:
        return Part.SCHEMA
    return Part.DATA if options["data_only"] else Part.ALL
