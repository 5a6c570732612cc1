"""Transactions on the catalog."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Select, event
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker

from strongroom.catalog.faults import translated_faults

READ_ONLY: dict[str, Any] = {"strongroom_read_only": True, "postgresql_readonly": True}


BeforeCommit = Callable[[Session], None]
"""What has to happen in the same transaction as every change; where it raises, the change does not happen."""


ASIDE = "strongroom_aside"
"""What marks a session, in its `info`, whose transaction is no part of what anybody asked for."""


class Trail(Protocol):
    """Whoever writes down who did what, in the transaction of each change."""

    def prepare(self, session: Session) -> None:
        """Get ready, before the transaction begins; where it raises, none does."""

    def complete(self, session: Session) -> None:
        """Write down what was done, last of all before the commit; where it raises, the change does not happen."""


class Catalog:
    """Hands out transactions; safe to share between threads, never across a fork.

    Rows stay readable after their transaction has ended, as they were then. Those that are locked are read anew, also
    where the session has read them before: whoever was waited for has changed them.
    """

    def __init__(self, engine: Engine, before_commit: Sequence[BeforeCommit] = (), trail: Trail | None = None) -> None:
        self.engine = engine
        self._before_commit = before_commit
        self._trail = trail
        self._write = sessionmaker(engine, expire_on_commit=False)
        event.listen(self._write, "do_orm_execute", _read_anew_what_is_locked)
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = sessionmaker(engine.execution_options(**READ_ONLY), expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a transaction that commits when the block ends well and rolls back otherwise.

        What has to happen before every commit happens when the block has ended well.
        Raises CatalogUnavailableError when the database is away; after a failed commit the outcome is unknown.
        """
        with self._traced({}) as session:
            yield session
            for happen in self._before_commit:
                happen(session)

    @contextmanager
    def aside(self) -> Iterator[Session]:
        """Open a transaction that is no part of what was asked for, such as one that keeps a refusal or makes a key.

        It spends no permit and stands for no act; what is recorded in it is written down all the same. Raises as begin.
        """
        with self._traced({ASIDE: True}) as session:
            yield session

    @contextmanager
    def _traced(self, info: dict[str, Any]) -> Iterator[Session]:
        with translated_faults(), self._write(info=info) as session:
            if self._trail is not None:
                self._trail.prepare(session)
            with session.begin():
                yield session
                # The hooks of `begin` have run by now: this is the last thing before the commit.
                if self._trail is not None:
                    self._trail.complete(session)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Let one statement be a transaction of its own, without the costs of a session and of two more round trips.

        Raises CatalogUnavailableError; after that the outcome is unknown.
        """
        # SQLite has no way to do it but a transaction, and one there costs no round trip.
        autocommit = self.engine.dialect.name == "postgresql"
        with translated_faults(), self._autocommit.connect() if autocommit else self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction for reading only, which on SQLite does not wait for a writer."""
        with translated_faults(), self._read.begin() as session:
            yield session

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


def _read_anew_what_is_locked(execution: ORMExecuteState) -> None:
    statement = execution.statement
    if isinstance(statement, Select) and statement._for_update_arg is not None:
        execution.update_execution_options(populate_existing=True)
