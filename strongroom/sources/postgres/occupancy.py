"""What is in the database that a restore is to fill."""

from enum import Enum

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import DatabaseNotFoundError, TargetNotEmptyError
from strongroom.sources.postgres.connection import connect
from strongroom.sources.postgres.database import holds_something


class Occupancy(Enum):
    """Whether the database exists, and whether anybody has made anything in it."""

    ABSENT = "absent"
    EMPTY = "empty"
    FILLED = "filled"


def look(settings: PostgresSourceSettings, database: str) -> Occupancy:
    """Tell what is there; raises as `connect`."""
    try:
        with connect(settings, database) as connection:
            return Occupancy.FILLED if holds_something(connection) else Occupancy.EMPTY
    except DatabaseNotFoundError:
        return Occupancy.ABSENT


def verify_free(settings: PostgresSourceSettings, database: str, *, overwrite: bool) -> Occupancy:
    """Return what is there; raises TargetNotEmptyError if that may not be overwritten."""
    found = look(settings, database)
    if found is Occupancy.FILLED and not overwrite:
        raise TargetNotEmptyError(
            f"The database {database!r} on {settings.host}:{settings.port} is not empty.",
            next_step="Restore into a new database name, or ask for an overwrite and confirm the database's name.",
        )
    return found
