"""Which databases of a server a source means, decided from the server's own list at the time of the backup."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import DatabaseNotFoundError
from strongroom.sources.postgres.connection import is_pattern
from strongroom.sources.postgres.database import DatabaseDescription


@dataclass(frozen=True, slots=True)
class Choice:
    """The databases to back up, and for each name or pattern that nothing fits an error by that name."""

    databases: tuple[DatabaseDescription, ...]
    missing: dict[str, DatabaseNotFoundError]


def choose(settings: PostgresSourceSettings, offered: Sequence[DatabaseDescription]) -> Choice:
    """Match the source's names and patterns; patterns leave templates out, a name does not."""
    chosen: dict[str, DatabaseDescription] = {}
    missing = {}
    for wanted in settings.wanted:
        found = [database for database in offered if _fits(database, wanted)]
        chosen |= {database.name: database for database in found if not _excluded(settings, database)}
        if not found:
            missing[wanted] = _not_found(settings, wanted)
    if not chosen and not missing:
        missing[", ".join(settings.wanted)] = _all_excluded(settings)
    return Choice(tuple(chosen.values()), missing)


def _fits(database: DatabaseDescription, wanted: str) -> bool:
    if is_pattern(wanted):
        return not database.template and matches(database.name, wanted)
    return database.name == wanted


def matches(name: str, pattern: str) -> bool:
    """Tell whether a pattern with `*` and `?` fits a whole name; brackets mean themselves."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _excluded(settings: PostgresSourceSettings, database: DatabaseDescription) -> bool:
    return any(matches(database.name, pattern) for pattern in settings.exclude_databases)


def _not_found(settings: PostgresSourceSettings, wanted: str) -> DatabaseNotFoundError:
    what = "no database that fits" if is_pattern(wanted) else "no database"
    return DatabaseNotFoundError(
        f"The PostgreSQL server {settings.host}:{settings.port} has {what} {wanted!r}.",
        next_step=f"Correct the databases of source {settings.name}, or create this one.",
    )


def _all_excluded(settings: PostgresSourceSettings) -> DatabaseNotFoundError:
    return DatabaseNotFoundError(
        f"Every database that source {settings.name} names is in its exclude_databases.",
        next_step="Correct databases or exclude_databases.",
    )
