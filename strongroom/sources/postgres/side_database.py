"""Building a restored database beside the one it is to replace."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Self

import psycopg
from psycopg import errors, sql

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import (
    NoSuchLocaleError,
    RestoreFailedError,
    ServerUnreachableError,
    TargetConflictError,
    TargetFullError,
    TargetNotWritableError,
)
from strongroom.sources.postgres.connection import Connection, connect_anywhere

_SWAP_ATTEMPTS = 5


@contextmanager
def sole_restore(settings: PostgresSourceSettings, database: str) -> Iterator[None]:
    """Keep other restores to the same name away; raises TargetConflictError if one is at work, and as `connect`.

    The lock is the server's and goes with the connection, so that a killed restore leaves none.
    """
    # Only closed in the end: a connection that was cut meanwhile does not undo a restore.
    with closing(connect_anywhere(settings, but=database)) as connection:
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"strongroom restore {database}"]
        ).fetchone()
        if row != (True,):
            raise TargetConflictError(
                f"Another restore into the database {database!r} is running.",
                next_step="Wait for it, or restore into another database name.",
            )
        yield


class SideDatabase:
    """A database that a restore is built in, and that takes the wanted name once it is whole.

    Its own name follows from the wanted one, so that the next restore finds and removes what a killed one left.
    Every method connects anew, since hours may lie between them, and raises the errors of `connect`,
    TargetConflictError, TargetNotWritableError, TargetFullError or RestoreFailedError.
    """

    def __init__(self, settings: PostgresSourceSettings, database: str) -> None:
        digest = hashlib.sha256(database.encode()).hexdigest()[:16]
        self._settings = settings
        self._database = database
        self._replaced = f"strongroom_replaced_{digest}"
        self.name = f"strongroom_restoring_{digest}"

    def create(self, facts: Mapping[str, str | int]) -> bool:
        """Create it with the encoding and locale of the backup; False if the server lacks the locale (then it is C)."""
        encoding = str(facts.get("encoding", "UTF8"))
        with self._session() as session:
            # Without force: whoever is connected to it may be a restore that lost its lock with its connection.
            session.execute("DROP DATABASE IF EXISTS {}", self.name)
            try:
                session.create(self.name, encoding, str(facts.get("collate", "C")), str(facts.get("ctype", "C")))
            except NoSuchLocaleError:
                session.create(self.name, encoding, "C", "C")
                return False
        return True

    def drop(self) -> None:
        """Remove it, with what is in it."""
        with self._session() as session:
            session.drop(self.name)

    def take_name(self, *, replace: bool) -> None:
        """Give it the wanted name; with `replace`, the database of that name is dropped when the new one has its place.

        When this fails, the old database is as it was.
        """
        with self._session() as session:
            if not replace:
                session.rename(self.name, self._database)
                return
            session.drop(self._replaced)
            self._swap_patiently(session)
            session.drop(self._replaced)

    def _session(self) -> "_Session":
        return _Session(connect_anywhere(self._settings, but=self._database), self._database)

    def _swap_patiently(self, session: "_Session") -> None:
        for attempt in range(1, _SWAP_ATTEMPTS + 1):
            try:
                session.swap(self.name, self._replaced)
            except TargetConflictError:
                # Clients that reconnect at once; each attempt disconnects them again.
                if attempt == _SWAP_ATTEMPTS:
                    raise
            else:
                return


class _Session:
    """Statements about whole databases, with errors in the words of a restore."""

    def __init__(self, connection: Connection, database: str) -> None:
        self._connection = connection
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def create(self, name: str, encoding: str, collate: str, ctype: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}")
        literals = (sql.Literal(value) for value in (encoding, collate, ctype))
        self._run(statement.format(sql.Identifier(name), *literals))

    def drop(self, name: str) -> None:
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def rename(self, old: str, new: str) -> None:
        self.execute("ALTER DATABASE {} RENAME TO {}", old, new)

    def swap(self, new: str, aside: str) -> None:
        with self._connection.transaction():
            self._connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._database]
            )
            self.rename(self._database, aside)
            self.rename(new, self._database)

    def execute(self, statement: str, *names: str) -> None:
        self._run(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))

    def _run(self, statement: sql.Composed) -> None:
        try:
            self._connection.execute(statement)
        except psycopg.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: psycopg.Error) -> StrongroomError:
        reason = error.diag.message_primary or "the connection to the server was lost"
        what = f"The database {self._database!r} could not be put in place: {reason}."
        match error:
            case errors.WrongObjectType() | errors.InvalidParameterValue() | errors.UndefinedObject():
                return NoSuchLocaleError(what, next_step="Install the locale on the database server.")
            case errors.ObjectInUse() | errors.DuplicateDatabase():
                return TargetConflictError(what, next_step="Disconnect its clients, or wait for the other restore.")
            case errors.InsufficientPrivilege():
                return TargetNotWritableError(
                    what, next_step="Give the role CREATEDB and the ownership of the database, or prepare an empty one."
                )
            case errors.DiskFull():
                return TargetFullError(what, next_step="Make room on the server, then restore again.")
            case psycopg.OperationalError():
                return ServerUnreachableError(what, next_step="It is tried again; the server's log has the cause.")
        return RestoreFailedError(what, next_step="Look into the server's log, then restore again.")
