"""What a handler sees of its job: what to do, how far an earlier attempt came, and ways to record more."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.jobs.claiming import Claim, lock_held, write_held
from strongroom.jobs.interrupts import ShutdownRequested
from strongroom.jobs.lease import Lease
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.persistence import persist
from strongroom.jobs.progress import JobProgress, PaceMeter, as_stored
from strongroom.jobs.steps import Effect, apply_step

REPORT_SECONDS = 1.0


class JobContext:
    """One attempt of one job. Use it from the thread that runs the handler."""

    def __init__(self, ledger: Ledger, claim: Claim, lease: Lease, stopping: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._claim = claim
        self._lease = lease
        self._stopping = stopping
        self._cursor = claim.cursor
        self._meter = PaceMeter()
        self._progress: JobProgress | None = None
        self._written: JobProgress | None = None
        self._written_at = float("-inf")

    @property
    def job_id(self) -> uuid.UUID:
        """The job's id."""
        return self._claim.job_id

    @property
    def args(self) -> dict[str, Any]:
        """What the job was asked to do; ids and primitives."""
        return self._claim.args

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1; never the same twice."""
        return self._claim.attempt

    @property
    def trace_id(self) -> str:
        """The trace id of the request the job came from."""
        return self._claim.trace_id

    @property
    def cursor(self) -> dict[str, Any] | None:
        """What `save_cursor` kept last, in this attempt or an earlier one."""
        return self._cursor

    def check(self) -> None:
        """Return while the work may go on; call it at least once a second.

        Raises LeaseLost, JobCancelled, DeadlinePassed, JobPaused, ShutdownRequested, which a handler lets through after
        cleaning up. Steps still work while a stopped job cleans up; after LeaseLost nothing does.
        """
        self._lease.check()
        self._lease.heed()
        if self._stopping():
            raise ShutdownRequested

    def step(self, name: str, effect: Effect) -> dict[str, Any] | None:
        """Apply `effect` once in the life of the job and return its result, recorded or new; raises LeaseLost.

        The effect gets the session and only works on the catalog, briefly: it holds the job's row, and it may be called
        again when its transaction did not get through. An effect elsewhere happens before its step and is idempotent.
        """

        def transaction() -> dict[str, Any] | None:
            with self._ledger.catalog.begin() as session:
                return apply_step(session, self._claim, name, effect)

        return persist(transaction, self._lease, self._ledger.clock)

    def write(self, effect: Callable[[Session], None]) -> None:
        """Apply an effect on the catalog while the job is held; raises LeaseLost.

        Unlike a step it may be applied again when its transaction did not get through, so it sets and never adds.
        """

        def transaction() -> None:
            with self._ledger.catalog.begin() as session:
                lock_held(session, self._claim)
                effect(session)

        persist(transaction, self._lease, self._ledger.clock)

    def save_cursor(self, cursor: dict[str, Any]) -> None:
        """Keep where the work is, for the next attempt; raises LeaseLost."""
        persist(lambda: self._write(cursor=cursor), self._lease, self._ledger.clock)
        self._cursor = cursor

    def report(self, progress: JobProgress) -> None:
        """Show the progress, at most once a second unless the phase changed; raises LeaseLost."""
        self._progress = progress
        phase = None if self._written is None else self._written.phase
        if progress.phase != phase or self._ledger.clock.monotonic() - self._written_at >= REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the latest progress if it is not written yet; a catalog that is away is no reason to stop."""
        if self._progress is None or self._progress == self._written:
            return
        self._lease.check()
        self._written_at = self._ledger.clock.monotonic()
        pace = self._meter.observe(self._written_at, self._progress)
        try:
            self._write(progress=as_stored(self._progress, pace))
        except CatalogUnavailableError:
            return
        self._written = self._progress

    def _write(self, **values: dict[str, Any]) -> None:
        with self._ledger.catalog.begin() as session:
            write_held(session, self._claim, **values)
