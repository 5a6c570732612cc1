"""A database as the target of a restore, filled by pg_restore from a stream."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.errors import StrongroomError
from strongroom.settings.sources import PostgresSourceSettings
from strongroom.sources.errors import RestoreFailedError
from strongroom.sources.postgres.connection import conninfo, hide_password, tool_environment
from strongroom.sources.postgres.database import server_major
from strongroom.sources.postgres.occupancy import Occupancy, verify_free
from strongroom.sources.postgres.side_database import SideDatabase, maintenance_connection, sole_restore
from strongroom.sources.postgres.tool import Tool
from strongroom.sources.postgres.toolset import Toolset, choose_toolset
from strongroom.tree.content import Problem, ProblemKind

_TRANSACTION_TIMEOUT_SINCE = 17
_UNKNOWN_TRANSACTION_TIMEOUT = 'unrecognized configuration parameter "transaction_timeout"'
_MAJOR = re.compile(r"\d+")


class PostgresTarget:
    """Restores a dump into a database of the server that the settings name; all of it or nothing.

    An absent database is built under another name and renamed when it is whole; so is one that may be overwritten, and
    the old one stays until then. An empty one is filled in one transaction, so that the owner and settings somebody
    gave it remain. `--single-transaction` is for that case only: it holds a lock on every object to the end, which a
    server with default settings has no room for from some thousand tables on.

    pg_restore 17 and newer begin with a setting that older servers do not know. That one error is forgiven, which
    pg_restore can only do outside a transaction, so that then an empty database is replaced as well.

    Everything belongs to the role that restores, and nobody else has privileges (`--no-owner`, `--no-privileges`):
    roles belong to a server and not to a database, so a dump holds their names only, and a missing one would end the
    restore. Tablespaces are left out for the same reason, and so is what was set on the database itself.
    """

    def __init__(self, settings: PostgresSourceSettings, database: str, scratch: Path, *, overwrite: bool) -> None:
        self._settings = settings
        self._database = database
        self._scratch = scratch
        self._overwrite = overwrite

    def prepare(self, facts: Mapping[str, str | int]) -> None:
        """Check everything that can be known before the first byte; changes nothing.

        Raises TargetNotEmptyError, ServerUnreachableError, WrongPasswordError, PgDumpNotFoundError, PgDumpTooOldError.
        """
        self._toolset(facts)
        verify_free(self._settings, self._database, overwrite=self._overwrite)

    def restore(
        self,
        stream: Iterable[memoryview],
        facts: Mapping[str, str | int],
        check: Callable[[], None] = lambda: None,
    ) -> list[Problem]:
        """Restore the dump; returns what is not as it was. `facts` are those of the backup.

        `check` is called about every second while the server works, and may raise to stop. Raises as `prepare`, and
        RestoreFailedError, TargetConflictError, TargetNotWritableError; what the stream raises goes through.
        """
        with sole_restore(self._settings, self._database):
            return self._restore(stream, facts, check)

    def _restore(
        self, stream: Iterable[memoryview], facts: Mapping[str, str | int], check: Callable[[], None]
    ) -> list[Problem]:
        toolset = self._toolset(facts)
        found = verify_free(self._settings, self._database, overwrite=self._overwrite)
        forgiving = self._forgiven_error(toolset)
        if found is Occupancy.EMPTY and not forgiving:
            self._load(self._command(toolset, self._database, "--single-transaction"), stream, check)
            return []
        with self._side_database() as side:
            has_locale = side.create(facts)
            strictness = [] if forgiving else ["--exit-on-error"]
            self._load(self._command(toolset, side.name, *strictness), stream, check, forgiving)
            side.take_name(replace=found is not Occupancy.ABSENT)
        return [] if has_locale else [_other_locale(self._database, facts)]

    def _forgiven_error(self, toolset: Toolset) -> str:
        with maintenance_connection(self._settings, self._database) as connection:
            is_older = server_major(connection) < _TRANSACTION_TIMEOUT_SINCE <= toolset.major
        return _UNKNOWN_TRANSACTION_TIMEOUT if is_older else ""

    @contextmanager
    def _side_database(self) -> Iterator[SideDatabase]:
        side = SideDatabase(self._settings, self._database)
        try:
            yield side
        except BaseException:
            # If the server is gone as well, the next restore removes it; the first error is the one to tell.
            with suppress(StrongroomError):
                side.drop()
            raise

    def _load(
        self, command: list[str], stream: Iterable[memoryview], check: Callable[[], None], forgiving: str = ""
    ) -> None:
        with tool_environment(self._settings, self._scratch) as environment:
            with Tool(command, environment, reads=True, forgiving=forgiving) as tool:
                _feed(tool, stream, check)
                status = tool.wait(check)
                if status != 0:
                    raise self._failed(status, tool.complaints())

    def _command(self, toolset: Toolset, database: str, *options: str) -> list[str]:
        return [
            str(toolset.program("pg_restore")),
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            "--no-tablespaces",
            "--no-password",
            *options,
            f"--dbname={conninfo(self._settings, database)}",
        ]

    def _toolset(self, facts: Mapping[str, str | int]) -> Toolset:
        """Choose a pg_restore that is no older than the pg_dump that wrote the dump."""
        match = _MAJOR.match(str(facts.get("pg_dump_version", "0")))
        return choose_toolset("pg_restore", int(match[0]) if match else 0, self._settings.bin_dir)

    def _failed(self, status: int, complaints: str) -> RestoreFailedError:
        reason = hide_password(self._settings, complaints)
        return RestoreFailedError(
            f"pg_restore into database {self._database!r} ended with status {status}: {reason.rstrip('.')}.",
            next_step="Nothing of it was kept. Mend what it names (a missing extension or role) and restore again.",
        )


def _feed(tool: Tool, stream: Iterable[memoryview], check: Callable[[], None]) -> None:
    """Feed one piece behind: pg_restore does not get the last one, and cannot commit, before the stream ended well."""
    held_back = b""
    for data in stream:
        if not tool.feed(memoryview(held_back), check):
            return
        held_back = bytes(data)
    tool.feed(memoryview(held_back), check)
    tool.end_input()


def _other_locale(database: str, facts: Mapping[str, str | int]) -> Problem:
    return Problem(
        database,
        ProblemKind.METADATA,
        f"the server has no locale {facts.get('collate')} for {facts.get('encoding')}; text sorts as in locale C",
    )
