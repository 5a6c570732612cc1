"""What a restore of a database would meet on its server; looks, and changes nothing."""

from pathlib import Path

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.postgres.connection import connect_anywhere
from strongroom.sources.postgres.occupancy import look
from strongroom.sources.postgres.picking import NEW_DATABASE, pick
from strongroom.sources.postgres.spool import verify_room
from strongroom.sources.postgres.stored import StoredDump
from strongroom.sources.postgres.surveyed import Survey
from strongroom.sources.postgres.target import PostgresTarget, RestoreOptions


def survey(
    settings: PostgresSourceSettings, database: str, scratch: Path, dump: StoredDump, options: RestoreOptions
) -> Survey:
    """Look at the target of a dump; errors of the server and the target become obstacles."""
    obstacles: list[str] = []
    state = version = None
    missing: tuple[str, ...] = ()
    entries = pick(dump.toc(), options.selection, NEW_DATABASE).entries
    try:
        version, missing = _ask(settings, {entry.name for entry in entries if entry.kind == "EXTENSION"})
        state = look(settings, database).value
        PostgresTarget(settings, database, scratch, options).prepare(dump)
        _verify_room(scratch, dump, options)
    except StrongroomError as error:
        obstacles.append(f"{error.what} {error.next_step}".strip())
    obstacles += [f"The server lacks the extension {name}. Install its package there." for name in missing]
    return Survey(
        database=dump.held.name,
        target=database,
        state=state,
        server_version=version,
        tables=sum(entry.kind == "TABLE" for entry in entries),
        bytes=dump.size,
        database_bytes=dump.held.bytes,
        missing_extensions=missing,
        obstacles=tuple(obstacles),
    )


def _ask(settings: PostgresSourceSettings, extensions: set[str]) -> tuple[str, tuple[str, ...]]:
    with connect_anywhere(settings) as connection:
        offered = {row[0] for row in connection.execute("SELECT name FROM pg_available_extensions").fetchall()}
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
    return (str(row[0]) if row else "", tuple(sorted(extensions - offered)))


def _verify_room(scratch: Path, dump: StoredDump, options: RestoreOptions) -> None:
    if options.jobs_for(dump.held) > 1 or not dump.is_stream:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        verify_room(scratch, dump.size)
