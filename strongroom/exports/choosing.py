"""Which sources go into an export: one database, and one directory tree."""

from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.exports.errors import ExportSourceError
from strongroom.settings import TREE_KINDS, PostgresSourceSettings, Settings, TreeSourceSettings


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sources of an export; one of them may be missing."""

    database: PostgresSourceSettings | None
    storage: TreeSourceSettings | None

    @property
    def names(self) -> tuple[str, ...]:
        """Return their names."""
        return tuple(source.name for source in (self.database, self.storage) if source is not None)


def choose_sources(settings: Settings, database: str | None, storage: str | None, *, database_only: bool) -> Chosen:
    """Return the named sources, or the only ones of their kinds; raises ExportSourceError or UnknownSourceError."""
    databases = [one for one in settings.sources.values() if isinstance(one, PostgresSourceSettings)]
    trees = [one for one in settings.sources.values() if isinstance(one, TreeSourceSettings)]
    chosen = Chosen(
        _database(settings, database, databases), None if database_only else _storage(settings, storage, trees)
    )
    if not chosen.names or (database_only and chosen.database is None):
        what = "a PostgreSQL server" if database_only else "a PostgreSQL server or a directory"
        raise ExportSourceError(f"No source is {what}.", next_step="Add one to strongroom.toml.")
    return chosen


def _database(
    settings: Settings, name: str | None, all_of_kind: Sequence[PostgresSourceSettings]
) -> PostgresSourceSettings | None:
    if name is not None:
        named = settings.get_source(name)
        if not isinstance(named, PostgresSourceSettings):
            raise ExportSourceError(f"The source {name!r} is not PostgreSQL.", next_step="Name one of kind postgres.")
        found: PostgresSourceSettings | None = named
    else:
        _verify_one("--database", [source.name for source in all_of_kind])
        found = all_of_kind[0] if all_of_kind else None
    if found is not None and found.dbname is None:
        raise ExportSourceError(
            f"The source {found.name!r} has several databases, and an export holds one.",
            next_step="Make a source with `dbname` for it, or use `strongroom backup run`.",
        )
    return found


def _storage(
    settings: Settings, name: str | None, all_of_kind: Sequence[TreeSourceSettings]
) -> TreeSourceSettings | None:
    if name is None:
        _verify_one("--storage", [source.name for source in all_of_kind])
        return all_of_kind[0] if all_of_kind else None
    named = settings.get_source(name)
    if not isinstance(named, TreeSourceSettings):
        kinds = " or ".join(sorted(TREE_KINDS))
        raise ExportSourceError(f"The source {name!r} is not a directory.", next_step=f"Name one of kind {kinds}.")
    return named


def _verify_one(option: str, names: Sequence[str]) -> None:
    if len(names) > 1:
        raise ExportSourceError(
            f"There are several sources of this kind: {', '.join(names)}.", next_step=f"Say which with {option} NAME."
        )
