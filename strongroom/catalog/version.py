"""Whether the tables are of this version; without Alembic, whose import takes longer than what most commands do."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from strongroom.catalog import migrations
from strongroom.catalog.errors import SchemaOutdatedError, SchemaTooNewError

_UPGRADE = "Run `strongroom init --upgrade`, then start the processes again."


def newest_revision() -> str:
    """Return the revision that this version brings tables to; the files of revisions begin with their numbers."""
    return max(path.name[1:5] for path in Path(*migrations.__path__, "versions").glob("v[0-9]*.py"))


def verify_version(session: Session) -> None:
    """Return when the tables are of this version; raises SchemaOutdatedError, SchemaTooNewError with both numbers."""
    found, ours = _find_revision(session), newest_revision()
    if found is None:
        raise SchemaOutdatedError("The catalog has no tables of Strongroom.", next_step=_UPGRADE)
    if found < ours:
        raise SchemaOutdatedError(
            f"The catalog's tables are older than this version of Strongroom: revision {found}, not {ours}.",
            next_step=_UPGRADE,
        )
    if found > ours:
        raise SchemaTooNewError(
            f"The catalog's tables are newer than this version of Strongroom: revision {found}, not {ours}.",
            next_step="Run the newer version, or point this one at its own catalog.",
        )


def _find_revision(session: Session) -> str | None:
    try:
        found = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except (OperationalError, ProgrammingError) as error:
        # Only a table that is not there is an answer; both databases name it.
        if "alembic_version" not in str(error.orig):
            raise
        return None
    return None if found is None else str(found)
