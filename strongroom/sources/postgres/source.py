"""A PostgreSQL server as a source of backups: one logical dump for each database, and the roles if they are wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.postgres.choosing import choose
from strongroom.sources.postgres.connection import connect_anywhere, tool_environment
from strongroom.sources.postgres.database import ServerDescription, describe
from strongroom.sources.postgres.toolset import choose_toolset
from strongroom.sources.postgres.walk import Programs, ServerWalk
from strongroom.tree.content import Walk


class PostgresSource:
    """Reads the databases that the settings name; the password is never in arguments.

    In the custom format nothing touches the disk; the directory format needs room below `scratch`. `check` is called
    about every second while a program works, and may raise to stop it.
    """

    def __init__(self, settings: PostgresSourceSettings, scratch: Path, check: Callable[[], None]) -> None:
        self._settings = settings
        self._scratch = scratch
        self._check = check

    def expected_bytes(self) -> int | None:
        """Return the databases' size on the server, a rough guess at the dumps'; raises as `open`."""
        return sum(database.size for database in choose(self._settings, self._describe().databases).databases)

    @contextmanager
    def open(self) -> Iterator[Walk]:
        """List the server's databases and choose the fitting programs, which start when the content is opened.

        Raises ServerUnreachableError, WrongPasswordError, DatabaseNotFoundError, PgDumpNotFoundError,
        PgDumpTooOldError; walking and reading raise these, DumpDeniedError, DumpSelectionError, LockTimeoutError,
        ScratchFullError and ProducerFailedError.
        """
        server = self._describe()
        toolset = choose_toolset("pg_dump", server.major, self._settings.bin_dir)
        with tool_environment(self._settings, self._scratch) as environment:
            programs = Programs(self._settings, toolset, environment, self._scratch, self._check)
            yield ServerWalk(programs, server, choose(self._settings, server.databases))

    def _describe(self) -> ServerDescription:
        with connect_anywhere(self._settings) as connection:
            return describe(connection)
