"""A PostgreSQL database as a source of backups: one logical dump, streamed from pg_dump."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from strongroom.settings.sources import PostgresSourceSettings
from strongroom.sources.errors import DumpDeniedError, ProducerFailedError
from strongroom.sources.postgres.connection import connect, conninfo, hide_password, tool_environment
from strongroom.sources.postgres.database import DatabaseDescription, describe
from strongroom.sources.postgres.tool import Tool
from strongroom.sources.postgres.toolset import Toolset, choose_toolset
from strongroom.tree.content import Enter, Item, Leave, OpenContent, Problem, Step, Walk
from strongroom.tree.entry import Entry, EntryType

DUMP_NAME = b"database.dump"
"""The only entry of a PostgreSQL backup: a dump in pg_dump's custom format, not compressed."""

_LOCK_WAIT_MILLISECONDS = 300_000
_PIPE_BYTES = 1 << 20


class PostgresSource:
    """Reads the database that the settings name. Nothing of it touches the disk; the password is never in arguments."""

    def __init__(self, settings: PostgresSourceSettings, scratch: Path) -> None:
        self._settings = settings
        self._scratch = scratch

    def expected_bytes(self) -> int | None:
        """Return the database's size on the server, a rough guess at the dump's; raises as `open`."""
        with connect(self._settings) as connection:
            return describe(connection).size

    @contextmanager
    def open(self) -> Iterator[Walk]:
        """Ask the server what it is and choose the fitting pg_dump, which starts when the content is opened.

        Raises ServerUnreachableError, WrongPasswordError, DatabaseNotFoundError, PgDumpNotFoundError,
        PgDumpTooOldError; reading raises ProducerFailedError.
        """
        with connect(self._settings) as connection:
            database = describe(connection)
        toolset = choose_toolset("pg_dump", database.major, self._settings.bin_dir)
        with tool_environment(self._settings, self._scratch) as environment:
            yield DumpWalk(DumpContent(self._settings, toolset, environment), database, toolset)


class DumpWalk:
    """A root directory with one file in it."""

    def __init__(self, content: "DumpContent", database: DatabaseDescription, toolset: Toolset) -> None:
        self._content = content
        self._database = database
        self._toolset = toolset

    def __iter__(self) -> Iterator[Step]:
        """Yield the root, the dump, and the end."""
        yield Enter(Entry(b"", EntryType.DIRECTORY, 0o700))
        yield Item(_dump_entry(), self._content)
        yield Leave()

    def problems(self) -> list[Problem]:
        """Return none: a dump is whole or it is an error."""
        return []

    def facts(self) -> dict[str, str | int]:
        """Return what a restore needs to make a database like this one."""
        return {
            "database": self._database.name,
            "server_version": self._database.server_version,
            "pg_dump_version": self._toolset.version,
            "encoding": self._database.encoding,
            "collate": self._database.collate,
            "ctype": self._database.ctype,
            "database_bytes": self._database.size,
        }


class DumpContent:
    """The output of pg_dump; every opening would be another dump of another moment, so it is not replayable."""

    replayable = False

    def __init__(self, settings: PostgresSourceSettings, toolset: Toolset, environment: dict[str, str]) -> None:
        self._settings = settings
        self._toolset = toolset
        self._environment = environment

    def open(self) -> AbstractContextManager[OpenContent]:
        """Start pg_dump."""
        return self._run()

    @contextmanager
    def _run(self) -> Iterator[OpenContent]:
        with Tool(self._command(), self._environment) as tool:
            # Fewer, larger reads; not every user may have a pipe of this size.
            with contextlib.suppress(OSError):
                fcntl.fcntl(tool.output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            yield OpenDump(tool, self._settings)

    def _command(self) -> list[str]:
        return [
            str(self._toolset.program("pg_dump")),
            "--format=custom",
            # Strongroom compresses better, and equal rows stay equal bytes for its chunks.
            "--compress=0",
            "--no-password",
            f"--lock-wait-timeout={_LOCK_WAIT_MILLISECONDS}",
            f"--dbname={conninfo(self._settings, self._settings.dbname)}",
        ]


class OpenDump:
    """A dump being read; `settle` knows whether pg_dump was content with it."""

    def __init__(self, tool: Tool, settings: PostgresSourceSettings) -> None:
        self.entry = _dump_entry()
        self._tool = tool
        self._settings = settings

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Fill view with what pg_dump has ready; 0 when it closed its output."""
        return os.readv(self._tool.output, [view])

    def settle(self) -> Problem | None:
        """Wait for pg_dump to end; raises ProducerFailedError unless it says that the dump is whole."""
        status = self._tool.wait(lambda: None)
        if status == 0:
            return None
        complaints = hide_password(self._settings, self._tool.complaints())
        what = f"pg_dump of database {self._settings.dbname!r} ended with status {status}: {complaints.rstrip('.')}."
        if "permission denied" in complaints:
            raise DumpDeniedError(
                what, next_step=f"Grant pg_read_all_data to {self._settings.user!r}, or use the database's owner."
            )
        raise ProducerFailedError(
            what, next_step="Nothing was kept of this dump. Look into the server's log, then run the backup again."
        )


def _dump_entry() -> Entry:
    return Entry(DUMP_NAME, EntryType.FILE, 0o600)
