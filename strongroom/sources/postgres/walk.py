"""One pass over the databases of a server, as a directory of dumps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import ScratchFullError
from strongroom.sources.postgres.choosing import Choice
from strongroom.sources.postgres.commands import directory_command, dump_command, globals_command
from strongroom.sources.postgres.counting import Counting, counting
from strongroom.sources.postgres.database import DatabaseDescription, ServerDescription
from strongroom.sources.postgres.directory_dump import directory_steps, dump_directory
from strongroom.sources.postgres.explaining import explain_dump, explain_globals
from strongroom.sources.postgres.holding import (
    GLOBALS_NAME,
    HeldDatabase,
    TableRows,
    describe_holding,
    describe_left_out,
    describe_rows,
    entry_name,
)
from strongroom.sources.postgres.marked import Table, marked_tables, without_rows
from strongroom.sources.postgres.outcomes import Outcomes, describe
from strongroom.sources.postgres.spool import spool
from strongroom.sources.postgres.streaming import DumpContent
from strongroom.sources.postgres.toolset import Toolset
from strongroom.tree.content import Enter, Item, Leave, Problem, ProblemKind, Step
from strongroom.tree.entry import Entry, EntryType


@dataclass(frozen=True)
class Programs:
    """What the dumps of one backup are made with."""

    settings: PostgresSourceSettings
    toolset: Toolset
    environment: dict[str, str]
    scratch: Path
    check: Callable[[], None]


class ServerWalk:
    """A root directory with an entry for each database, sorted by the entries' names."""

    def __init__(self, programs: Programs, server: ServerDescription, choice: Choice) -> None:
        self._programs = programs
        self._settings = programs.settings
        self._server = server
        self._databases = {entry_name(database.name): database for database in choice.databases}
        self._outcomes = Outcomes(databases=len(choice.databases) + len(choice.missing))
        self._counts: dict[str, Counting | None] = {}
        self._rows: dict[str, list[TableRows]] = {}
        self._left_out: dict[str, tuple[Table, ...]] = {}
        self._problems = [self._outcomes.judge(name, error) for name, error in choice.missing.items()]

    def __iter__(self) -> Iterator[Step]:
        """Yield the root, the dumps, and the end; raises when no database is whole."""
        names = [*self._databases, *([GLOBALS_NAME] if self._settings.globals else [])]
        yield Enter(Entry(b"", EntryType.DIRECTORY, 0o700))
        for name in sorted(names):
            database = self._databases.get(name)
            yield from self._globals() if database is None else self._dump(name, database)
        yield Leave()
        self._outcomes.verify_something()

    def problems(self) -> list[Problem]:
        """Return what is missing and could be known without reading a dump."""
        return self._problems

    def facts(self) -> dict[str, str | int]:
        """Return what a restore needs to make databases like these."""
        settings = self._settings
        held = [
            HeldDatabase(db.name, name, db.encoding, db.collate, db.ctype, db.size, settings.format, self._jobs())
            for name, db in sorted(self._databases.items())
            if db.name in self._outcomes.whole
        ]
        facts = {"server_version": self._server.version, "pg_dump_version": self._programs.toolset.version}
        left_out = describe_left_out({name: self._left_out.get(name, ()) for name in self._outcomes.whole})
        roles = {"globals": "with passwords" if self._reads_passwords() else "without passwords"}
        return (
            facts | describe_holding(held) | describe_rows(self._rows) | left_out | (roles if settings.globals else {})
        )

    def _jobs(self) -> int:
        return self._settings.jobs if self._settings.format == "directory" else 1

    def _dump(self, name: bytes, database: DatabaseDescription) -> Iterator[Step]:
        if self._settings.format == "directory":
            return self._dump_directory(name, database)
        return self._dump_stream(name, database)

    def _dump_stream(self, name: bytes, database: DatabaseDescription) -> Iterator[Step]:
        programs = self._programs
        command = dump_command(self._settings, programs.toolset, database.name)
        content = DumpContent(
            name,
            command,
            programs.environment,
            programs.check,
            lambda status, words: self._settled(database, status, words),
            lambda: self._prepared(database.name),
        )
        yield Item(Entry(name, EntryType.FILE, 0o600), content)

    @contextmanager
    def _prepared(self, database: str) -> Iterator[Sequence[str]]:
        """Have the rows counted while the database is dumped, in the same snapshot, and marked ones left out."""
        left_out = self._left_out[database] = marked_tables(self._settings, database)
        with counting(self._settings, database) as count:
            self._counts[database] = count
            try:
                snapshot = [] if count is None else [f"--snapshot={count.snapshot}"]
                yield [*snapshot, *without_rows(left_out)]
            finally:
                del self._counts[database]

    def _dump_directory(self, name: bytes, database: DatabaseDescription) -> Iterator[Step]:
        programs = self._programs
        try:
            with spool(programs.scratch, database.size) as directory:
                command = directory_command(self._settings, programs.toolset, database.name, directory)
                with self._prepared(database.name) as more:
                    status, words = dump_directory([*command, *more], programs.environment, programs.check)
                    problem = self._settled(database, status, words)
                if problem is None:
                    yield from directory_steps(name, directory)
        except ScratchFullError as error:
            problem = self._outcomes.judge(database.name, error)
        self._problems += [problem] if problem else []

    def _settled(self, database: DatabaseDescription, status: int, words: str) -> Problem | None:
        if status == 0:
            count = self._counts.get(database.name)
            if count is not None:
                self._rows[database.name] = count.result(self._programs.check)
            self._outcomes.whole.add(database.name)
            return None
        return self._outcomes.judge(database.name, explain_dump(self._settings, database.name, status, words))

    def _globals(self) -> Iterator[Step]:
        if self._settings.role_passwords and not self._server.reads_passwords:
            self._problems.append(_without_passwords(self._settings))
        command = globals_command(
            self._settings, self._programs.toolset, self._some_database(), passwords=self._reads_passwords()
        )
        yield self._item(GLOBALS_NAME, command, self._globals_settled)

    def _globals_settled(self, status: int, words: str) -> Problem | None:
        if status == 0:
            return None
        error = explain_globals(self._settings, status, words)
        if error.retryable:
            raise error
        return describe("roles", error)

    def _reads_passwords(self) -> bool:
        return self._settings.role_passwords and self._server.reads_passwords

    def _some_database(self) -> str:
        return next((database.name for database in self._databases.values()), "postgres")

    def _item(self, name: bytes, command: list[str], settled: Callable[[int, str], Problem | None]) -> Item:
        programs = self._programs
        content = DumpContent(name, command, programs.environment, programs.check, settled)
        return Item(Entry(name, EntryType.FILE, 0o600), content)


def _without_passwords(settings: PostgresSourceSettings) -> Problem:
    return Problem(
        "roles",
        ProblemKind.UNREADABLE,
        f"{settings.user!r} may not read the hashes of passwords: the roles are in the backup without them. "
        "Grant it pg_read_all_data, or write role_passwords = false.",
    )
