"""Puts jobs into the situations the tests are about, and runs rivals in other processes."""

import multiprocessing
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.context import SpawnProcess
from typing import Any

from sqlalchemy import Connection, text, update
from sqlalchemy.orm import Session

from strongroom.catalog.engine import open_engine
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.jobs import Job
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.jobs.claiming import Claim
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger, LedgerPolicy

TRACE_ID = "0123456789abcdef0123456789abcdef"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)

spawn = multiprocessing.get_context("spawn")


def open_ledger(url: str, policy: LedgerPolicy | None = None) -> Ledger:
    return Ledger(Catalog(open_engine(url)), SystemClock(), system_random, policy or LedgerPolicy())


def request(kind: JobKind = JobKind.BACKUP_RUN, *, key: str | None = None, **args: Any) -> JobRequest:
    return JobRequest(kind=kind, args=args or {"source": "ledgers"}, trace_id=TRACE_ID, dedupe_key=key)


def enqueue(ledger: Ledger, wanted: JobRequest | None = None) -> uuid.UUID:
    with ledger.catalog.begin() as session:
        return ledger.enqueue(session, wanted or request()).id


def claimed(ledger: Ledger, job_id: uuid.UUID | None = None, owner: str = "worker-1") -> Claim:
    claim = ledger.claim(job_id or enqueue(ledger), owner)
    assert claim is not None
    return claim


def change(ledger: Ledger, job_id: uuid.UUID, **values: Any) -> None:
    with ledger.catalog.begin() as session:
        session.execute(update(Job).where(Job.id == job_id).values(values))


def lapse(ledger: Ledger, job_id: uuid.UUID) -> None:
    """Let the lease run out, as if its holder had been silent for years."""
    change(ledger, job_id, lease_until=LONG_AGO)


def make_due(ledger: Ledger, job_id: uuid.UUID) -> None:
    change(ledger, job_id, run_after=LONG_AGO, publish_after=LONG_AGO)


def at_once(count: int, action: Callable[[int], Any]) -> list[Any]:
    """Run the action in that many threads that start together, and return the answers."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(action, range(count)))


def until_somebody_waits(catalog: Catalog) -> None:
    """Wait until a transaction waits for another; SQLite does not say, and lets writers in only one by one."""
    if catalog.engine.dialect.name == "postgresql":
        waits = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        with catalog.engine.connect() as connection:
            while not connection.execute(waits).all():
                connection.rollback()


def in_processes(count: int, target: Callable[..., None], *args: Any) -> list[Any]:
    """Run `target(answers, start, *args)` in that many processes that start together, and return what they answer."""
    answers, start = spawn.SimpleQueue(), spawn.Barrier(count)
    children = [spawn.Process(target=target, args=(answers, start, *args)) for _ in range(count)]
    for child in children:
        child.start()
    collected = [answers.get() for _ in children]
    _join(children)
    return collected


def _join(children: list[SpawnProcess]) -> None:
    for child in children:
        child.join()
        assert child.exitcode == 0


class HandClock(SystemClock):
    """A monotonic clock that a test moves by hand; sleeping moves it too."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class CutCatalog(Catalog):
    """A catalog whose connection is cut as often as `cuts` says, before or just after the commit."""

    def __init__(self, catalog: Catalog, *, after_commit: bool) -> None:
        super().__init__(catalog.engine)
        self.cuts = 0
        self._after_commit = after_commit

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with super().begin() as session:
            yield session
            cut, self.cuts = self.cuts > 0, max(0, self.cuts - 1)
            if cut and not self._after_commit:
                raise CUT
        if cut:
            raise CUT

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        cut, self.cuts = self.cuts > 0, max(0, self.cuts - 1)
        # A statement that is its own transaction is never sent, or its answer is lost.
        if cut and not self._after_commit:
            raise CUT
        with super().alone() as connection:
            yield connection
        if cut:
            raise CUT


CUT = CatalogUnavailableError("The connection was cut.", next_step="Try again.")
