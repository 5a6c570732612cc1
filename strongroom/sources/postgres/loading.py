"""Running pg_restore on a stored dump: fed through a pipe, or with several jobs on files in a private directory."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import RestoreFailedError
from strongroom.sources.postgres.connection import conninfo, hide_password, lost_connection, tool_environment
from strongroom.sources.postgres.spool import spool
from strongroom.sources.postgres.stored import StoredDump
from strongroom.sources.postgres.toc import TocEntry
from strongroom.sources.postgres.tool import Tool
from strongroom.sources.postgres.toolset import Toolset


@dataclass(frozen=True)
class Loader:
    """Fills one database; `check` is called about every second and may raise to stop."""

    settings: PostgresSourceSettings
    toolset: Toolset
    scratch: Path
    check: Callable[[], None]

    def load(
        self, dump: StoredDump, database: str, options: Sequence[str], *, jobs: int = 1, forgiving: str = ""
    ) -> None:
        """Restore into a database that exists; raises RestoreFailedError, ServerUnreachableError,
        ScratchFullError and what reading raises."""
        command = [*self.command(dump, options), f"--dbname={conninfo(self.settings, database)}"]
        if dump.is_stream and jobs == 1:
            self._feed(command, dump.files[0].read(), database, forgiving)
            return
        with spool(self.scratch, dump.size) as path:
            dump.lay_down(path, self.check)
            # Every byte was compared with its digest before pg_restore sees the first.
            self._run([*command, f"--jobs={jobs}", str(path)], database, forgiving)

    def command(self, dump: StoredDump, options: Sequence[str]) -> list[str]:
        """Return the command line of pg_restore, without where the dump is and where it goes."""
        return [
            str(self.toolset.program("pg_restore")),
            f"--format={dump.held.format}",
            "--no-tablespaces",
            *options,
        ]

    @contextmanager
    def list_file(self, entries: Sequence[TocEntry] | None) -> Iterator[list[str]]:
        """Give the option that restricts pg_restore to some entries of a dump; None stands for all."""
        if entries is None:
            yield []
            return
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", prefix="list-", dir=self.scratch) as file:
            file.writelines(f"{entry.number};\n" for entry in entries)
            file.flush()
            yield [f"--use-list={file.name}"]

    def _feed(self, command: list[str], stream: Iterable[memoryview], database: str, forgiving: str) -> None:
        with tool_environment(self.settings, self.scratch) as environment:
            with Tool([*command, "--no-password"], environment, reads=True, forgiving=forgiving) as tool:
                feed_behind(tool, stream, self.check)
                self.verify(tool, database)

    def _run(self, command: list[str], database: str, forgiving: str) -> None:
        with tool_environment(self.settings, self.scratch) as environment:
            with Tool([*command[:-1], "--no-password", command[-1]], environment, forgiving=forgiving) as tool:
                self.verify(tool, database)

    def verify(self, tool: Tool, database: str) -> None:
        """Wait for a program to end; raises RestoreFailedError unless it did well."""
        status = tool.wait(self.check)
        if status != 0:
            raise self._failed(database, status, tool.complaints())

    def _failed(self, database: str, status: int, complaints: str) -> StrongroomError:
        """Return the error for a restore that ended with this status: a server that went away is worth another try."""
        reason = hide_password(self.settings, complaints)
        return lost_connection(self.settings, reason) or RestoreFailedError(
            f"Restoring into database {database!r} ended with status {status}: {reason.rstrip('.')}.",
            next_step="Nothing of it was kept. Mend what it names (a missing extension or role) and restore again.",
        )


def feed_behind(tool: Tool, stream: Iterable[memoryview], check: Callable[[], None]) -> None:
    """Feed one piece behind: pg_restore does not get the last one, and cannot commit, before the stream ended well."""
    held_back = b""
    for data in stream:
        if not tool.feed(memoryview(held_back), check):
            return
        held_back = bytes(data)
    tool.feed(memoryview(held_back), check)
    tool.end_input()
