"""Bring the catalog's tables up to date, and refuse those of another version.

Apart from `engine`: most commands never need Alembic, whose import takes longer than what they do.
"""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from strongroom.catalog.errors import SchemaOutdatedError, SchemaTooNewError
from strongroom.catalog.faults import translated_faults

UPGRADE_LOCK = 0x5354524F4E47524D
"""The PostgreSQL advisory lock held during an upgrade ("STRONGRM" in ASCII)."""


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision; a second process doing the same waits and finds it done.

    Raises SchemaTooNewError when a newer Strongroom was here before, CatalogUnavailableError when the database is away.
    """
    with translated_faults(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            _wait_for_turn(connection)
        _refuse_unknown_revisions(connection)
        config = _alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def verify_schema(engine: Engine) -> None:
    """Return when the tables are exactly what this version expects; raises SchemaOutdatedError or SchemaTooNewError."""
    with translated_faults(), engine.connect() as connection:
        _refuse_unknown_revisions(connection)
        current = set(MigrationContext.configure(connection).get_current_heads())
    if current != set(_scripts().get_heads()):
        raise SchemaOutdatedError(
            "The catalog's tables are older than this version of Strongroom.",
            next_step="Run `strongroom init --upgrade`, then start the processes again.",
        )


def _wait_for_turn(connection: Connection) -> None:
    # However long the other upgrade takes; its own wait for tables in use stays bounded.
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "strongroom.catalog:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_alembic_config())


def _refuse_unknown_revisions(connection: Connection) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise SchemaTooNewError(
            f"The catalog was made by a newer Strongroom (revision {sorted(unknown)[0]}).",
            next_step="Run the newer version, or point this one at its own catalog.",
        )
