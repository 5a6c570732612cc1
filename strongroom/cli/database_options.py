"""The options that say what of a PostgreSQL backup is restored."""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

from strongroom.backup.database_wish import DatabaseWish

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class DatabaseOptions(TypedDict):
    """The options that `database_options` gives a command."""

    databases: tuple[str, ...]
    jobs: int
    owners: bool


def database_options(function: FunctionT) -> FunctionT:
    """Give a command the options about databases."""
    options = (
        click.option("--database", "databases", multiple=True, metavar="NAME", help="Only this database; repeat it."),
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
    """Return what the options ask for, None where none was given."""
    wish = DatabaseWish(databases=options["databases"], jobs=options["jobs"], owners=options["owners"])
    return None if wish == DatabaseWish() else wish
