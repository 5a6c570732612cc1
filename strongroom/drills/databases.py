"""Restoring the databases of a backup into a scratch server, and asking them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from pydantic import SecretStr

from strongroom.backup.browsing import paths
from strongroom.backup.restore_database import Tally, stored_dumps
from strongroom.drills.errors import BadCheckError, ExtensionMissingError
from strongroom.drills.findings import Check, CheckKind, Findings
from strongroom.drills.timing import Stopwatch
from strongroom.repository.reader import BackupReader
from strongroom.settings import PostgresSourceSettings
from strongroom.settings.drills import CheckSettings
from strongroom.sources.errors import ScratchServerError
from strongroom.sources.postgres.connection import Connection, connect
from strongroom.sources.postgres.holding import GLOBALS_NAME, held_rows
from strongroom.sources.postgres.roles import all_globals
from strongroom.sources.postgres.scratch_server import ScratchServer
from strongroom.sources.postgres.stored import StoredDump
from strongroom.sources.postgres.target import PostgresTarget, RestoreOptions

_NOT_SQL = "42601"
_QUOTES_VALUES = ("22", "23")
"""Classes of errors about values: bad data and broken constraints."""


class DatabaseDrill:
    """One backup, one empty server, and a private directory for what has to lie on the disk."""

    def __init__(
        self,
        reader: BackupReader,
        source: PostgresSourceSettings,
        server: ScratchServer,
        scratch: Path,
        watch: Stopwatch,
    ) -> None:
        self._reader = reader
        self._source = source
        self._server = server
        self._scratch = scratch
        self._check = watch.check
        self._settings = scratch_settings(source, server)
        self._dumps = stored_dumps(reader, Tally(watch.report))

    def prepare(self) -> None:
        """Check what can be known before anything is restored; raises BadCheckError, ExtensionMissingError."""
        for check in self._source.drill.checks:
            self._verify_question(check)
        with self._server.connect() as connection:
            offered = {row[0] for row in connection.execute("SELECT name FROM pg_available_extensions").fetchall()}
        for name, dump in self._dumps.items():
            needed = {entry.name for entry in dump.toc() if entry.kind == "EXTENSION"}
            _verify_extensions(name, sorted(needed - offered))

    def restore(self, findings: Findings) -> None:
        """Restore roles and every database; raises what a restore raises."""
        self._restore_roles()
        for name, dump in self._dumps.items():
            target = PostgresTarget(self._settings, name, self._scratch, RestoreOptions())
            target.prepare(dump)
            findings.notes += [f"{problem.path}: {problem.reason}" for problem in target.restore(dump, self._check)]
            findings.files += 1
            findings.restored_bytes += dump.size

    def verify(self, findings: Findings) -> None:
        """Count the rows of every table, and ask the questions."""
        for name, dump in self._dumps.items():
            with self._asking(name) as connection:
                self._compare_rows(connection, name, dump, findings)
        for check in self._source.drill.checks:
            self._check()
            findings.checks.append(self._ask(check))

    def _restore_roles(self) -> None:
        entry = next((entry for path, entry in paths(self._reader) if path == GLOBALS_NAME), None)
        if entry is None:
            return
        text = b"".join(bytes(piece) for piece in self._reader.stream(entry)).decode()
        with self._server.connect() as connection:
            for statement in all_globals(text).statements:
                # The role that runs the server is there already, and no tablespace's directory is.
                with suppress(psycopg.Error):
                    connection.execute(statement.encode())

    def _compare_rows(self, connection: Connection, name: str, dump: StoredDump, findings: Findings) -> None:
        dumped = {(entry.schema, entry.name) for entry in dump.toc() if entry.kind == "TABLE DATA"}
        counted = held_rows(self._reader.head.facts, name)
        if not counted:
            findings.notes.append(f"{name}: the backup does not say how many rows its tables had")
        wrong = 0
        for table in (table for table in counted if (table.schema, table.table) in dumped):
            self._check()
            fault = _rows_fault(connection, table.schema, table.table, table.rows)
            findings.tables += 1
            findings.rows += table.rows
            wrong += bool(fault)
            if fault:
                label = f"{name}: {table.schema}.{table.table}"
                findings.checks.append(Check(CheckKind.ROWS, label, passed=False, detail=fault))
        if counted and not wrong:
            findings.checks.append(Check(CheckKind.ROWS, name, passed=True, detail="every table has its rows"))

    def _verify_question(self, check: CheckSettings) -> None:
        """Have the server read the SQL, which needs no tables to say that it is none."""
        if self._database_of(check) not in self._dumps:
            raise BadCheckError(
                f"The check {check.name!r} asks a database that the backup does not hold.",
                next_step=f"Correct `database` of the check in source {self._source.name}.",
            )
        with self._server.connect() as connection:
            try:
                # In binary, because the protocol then takes one statement only, and none behind it.
                connection.execute(_prepared(check), binary=True)
            except psycopg.Error as error:
                if error.sqlstate == _NOT_SQL:
                    raise BadCheckError(
                        f"The check {check.name!r} is not SQL: {_words_of(error)}.",
                        next_step=f"Correct it in source {self._source.name}; nothing was restored.",
                    ) from None

    def _database_of(self, check: CheckSettings) -> str:
        return check.database or self._source.dbname or ""

    def _asking(self, database: str) -> Connection:
        connection = connect(self._settings, database)
        connection.execute("SET default_transaction_read_only = on")
        connection.execute(
            sql.SQL("SET statement_timeout = {}").format(sql.Literal(f"{self._source.drill.check_timeout_seconds}s"))
        )
        return connection

    def _ask(self, check: CheckSettings) -> Check:
        try:
            with self._asking(self._database_of(check)) as connection:
                rows = connection.execute(check.sql.encode(), binary=True).fetchmany(2)
        except psycopg.Error as error:
            return Check(CheckKind.QUESTION, check.name, passed=False, detail=_words_of(error))
        is_true = len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] is True
        return Check(CheckKind.QUESTION, check.name, passed=is_true, detail="" if is_true else _what_came(rows))


def scratch_settings(source: PostgresSourceSettings, server: ScratchServer) -> PostgresSourceSettings:
    """Return the settings by which a restore finds the scratch server."""
    return PostgresSourceSettings(
        name=source.name,
        databases=("*",),
        host=server.host,
        port=server.port,
        user=server.user,
        password=SecretStr(server.password),
        sslmode="disable",
        bin_dir=source.bin_dir,
    )


def _rows_fault(connection: Connection, schema: str, table: str, rows: int) -> str:
    query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table))
    try:
        found = connection.execute(query).fetchone()
    except psycopg.Error as error:
        return _words_of(error)
    return "" if found and found[0] == rows else f"{found[0] if found else 'no'} rows, where there were {rows}"


def _verify_extensions(database: str, missing: Sequence[str]) -> None:
    if missing:
        raise ExtensionMissingError(
            f"Database {database!r} needs the extension {missing[0]!r}, which the scratch server lacks.",
            next_step="Install its package where the worker runs; nothing was restored.",
        )


def _prepared(check: CheckSettings) -> bytes:
    return f"PREPARE question AS {check.sql}".encode()


def _what_came(rows: Sequence[Sequence[object]]) -> str:
    if len(rows) != 1 or len(rows[0]) != 1:
        return "it did not answer with one value"
    value = rows[0][0]
    return "the answer is false" if value is False else "the answer is NULL" if value is None else "it is not a boolean"


def _words_of(error: psycopg.Error) -> str:
    """Return the server's own words, without those that quote a value; raises ScratchServerError when it is gone."""
    if error.sqlstate is None:
        raise ScratchServerError(
            "The scratch server ended while it was asked.", next_step="It is tried again. See whether memory is short."
        ) from None
    if error.sqlstate.startswith(_QUOTES_VALUES):
        return f"the server answered with {type(error).__name__}"
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
