"""What somebody wants of a backup of a PostgreSQL server, and how it is put back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.backup.errors import DatabaseNotInBackupError, TargetKindError, TargetNameError
from strongroom.backup.targets import PostgresTargetRequest, TargetRequest
from strongroom.sources.postgres.holding import Facts, HeldDatabase, held_databases
from strongroom.sources.postgres.selection import WHOLE, DumpSelection

PLACEHOLDER = "{database}"
"""Stands in the name of a target for the name of the database that goes there."""


@dataclass(frozen=True, slots=True)
class DatabaseWish:
    """Databases by name, all of them where none is named; `jobs` is 0 for as many connections as dumped each."""

    databases: tuple[str, ...] = ()
    jobs: int = 0
    owners: bool = False
    selection: DumpSelection = WHOLE

    def as_args(self) -> dict[str, Any]:
        """Return the form that a job carries."""
        args = {"databases": list(self.databases), "jobs": self.jobs, "owners": self.owners}
        return args | {"selection": self.selection.as_args()}

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> "DatabaseWish":
        """Read what `as_args` returned; jobs of older versions carry nothing."""
        if not args:
            return cls()
        selection = DumpSelection.from_args(args["selection"])
        return cls(tuple(args["databases"]), args["jobs"], args["owners"], selection)

    def choose(self, held: Sequence[HeldDatabase]) -> tuple[HeldDatabase, ...]:
        """Return the databases that are meant; raises DatabaseNotInBackupError."""
        by_name = {database.name: database for database in held}
        missing = [name for name in self.databases if name not in by_name]
        if missing:
            raise DatabaseNotInBackupError(
                f"The backup holds no database {missing[0]!r}.",
                next_step=f"It holds {', '.join(by_name)}." if by_name else "It holds none.",
            )
        return tuple(by_name[name] for name in self.databases) if self.databases else tuple(held)


def target_names(template: str, chosen: Sequence[HeldDatabase]) -> dict[str, str]:
    """Return the name that each database gets; raises TargetNameError where two would get the same one."""
    names = {database.name: template.replace(PLACEHOLDER, database.name) for database in chosen}
    if len(set(names.values())) < len(names):
        raise TargetNameError(
            f"{len(names)} databases cannot all be restored into {template!r}.",
            next_step=f"Choose one with --database, or write {PLACEHOLDER} where its name is to stand.",
        )
    return names


def verify_databases(wish: DatabaseWish | None, target: TargetRequest, facts: Facts) -> None:
    """Check a wish against what a backup holds; raises TargetKindError, DatabaseNotInBackupError, TargetNameError."""
    if isinstance(target, PostgresTargetRequest):
        chosen = (wish or DatabaseWish()).choose(held_databases(facts))
        target_names(target.dbname, chosen)
    elif wish is not None:
        raise TargetKindError(
            "Databases, tables and jobs are chosen for a restore into a database only.",
            next_step="Leave these options out.",
        )
