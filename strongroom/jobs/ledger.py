"""The ledger of jobs: the only place where a job changes its state."""

import builtins
import uuid
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from strongroom.audit.acting import describe_shortly
from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.paging import Page, fetch_page
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import new_id
from strongroom.jobs.alerting import is_watched
from strongroom.jobs.claiming import Claim, put_back, read_wishes, renew_lease, take_lease, take_next
from strongroom.jobs.enqueueing import JobRequest, insert_job, insert_jobs
from strongroom.jobs.errors import JobNotFoundError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.policy import LedgerPolicy
from strongroom.jobs.settling import (
    settle_cancelled,
    settle_expired,
    settle_failed,
    settle_released,
    settle_succeeded,
    settle_waiting,
    settle_watched,
)
from strongroom.jobs.waiting import find_obstacle
from strongroom.jobs.wishes import Wishes, wish_cancelled, wish_paused, wish_resumed

__all__ = ["JobRequest", "Ledger", "LedgerPolicy"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every method is one transaction, except `enqueue`, which joins the caller's. Times are the database's clock."""

    catalog: Catalog
    clock: Clock
    random: RandomBytes
    policy: LedgerPolicy

    def enqueue(self, session: Session, request: JobRequest) -> Job:
        """Write a job in the caller's transaction, or return the one its dedupe key made before.

        Raises IdempotencyConflictError, BadIdempotencyKeyError.
        """
        job = insert_job(session, request, new_id(self.clock, self.random), self.policy)
        describe_shortly(f"{job.kind} {job.source or ''}".rstrip(), f"job {job.id}")
        return job

    def enqueue_many(self, session: Session, requests: Sequence[JobRequest]) -> builtins.list[uuid.UUID]:
        """Write many jobs in the caller's transaction, all or none, and return their ids in order.

        Raises BatchRefusedError, which names every request that cannot be met.
        """
        numbered = [(new_id(self.clock, self.random), request) for request in requests]
        made = insert_jobs(session, numbered, self.policy)
        describe_shortly(f"{len(made)} jobs", ", ".join(str(one) for one in made))
        return made

    def find(self, job_id: uuid.UUID) -> Job | None:
        """Return the job, if there is one."""
        with self.catalog.read() as session:
            return session.get(Job, job_id)

    def get(self, job_id: uuid.UUID) -> Job:
        """Return the job; raises JobNotFoundError."""
        job = self.find(job_id)
        if job is None:
            raise JobNotFoundError.of(job_id)
        return job

    def find_obstacle(self, job: Job) -> str | None:
        """Say in a few words what keeps a waiting job, besides its time and the want of a worker."""
        with self.catalog.read() as session:
            return find_obstacle(session, job)

    def list(
        self,
        *,
        state: JobState | None = None,
        kind: JobKind | None = None,
        source: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Return jobs, newest first; raises BadLimitError, BadCursorError."""
        wanted = {Job.state: state, Job.kind: kind, Job.source: source}
        query = select(Job).where(*(column == value for column, value in wanted.items() if value is not None))
        with self.catalog.read() as session:
            return fetch_page(session, query, Job.id, limit=limit, cursor=cursor)

    def claim(self, hint: uuid.UUID, owner: str, queues: AbstractSet[str] = frozenset()) -> Claim | None:
        """Take the lease of the hinted job, or of a more urgent one that waits in `queues`.

        None when the hinted job is not due, already held, kept by a pause or a key, or over. A hinted job that is due
        and was not taken is published again, so the message can be dropped in any case.
        """
        asked_at = self.clock.monotonic()
        try:
            with self.catalog.alone() as connection:
                taken = take_lease(connection, hint, owner, queues, self.policy, asked_at)
        except IntegrityError:
            # Another claim took the key in this very moment.
            taken = None
        if taken is None or taken.job_id != hint:
            with self.catalog.begin() as session:
                put_back(session, hint)
        return taken

    def claim_next(self, done: Claim, owner: str) -> Claim | None:
        """Take the lease of the most urgent job of the queue and kind of one that is done, if there is any."""
        asked_at = self.clock.monotonic()
        try:
            with self.catalog.alone() as connection:
                return take_next(connection, done, owner, self.policy, asked_at)
        except IntegrityError:
            # Another claim took the key in this very moment.
            return None

    def renew(self, claim: Claim) -> Wishes:
        """Extend the lease and return what is wanted of its holder; raises LeaseLost."""
        with self.catalog.begin() as session:
            return renew_lease(session, claim, self.policy)

    def look(self, claim: Claim) -> Wishes:
        """Return what is wanted of the holder, cheaply, without extending the lease; raises LeaseLost."""
        with self.catalog.read() as session:
            return read_wishes(session, claim)

    def finish(self, claim: Claim, result: dict[str, Any]) -> JobState:
        """Record success and return the state; raises LeaseLost."""
        if is_watched(claim.kind):
            with self.catalog.begin() as session:
                return settle_watched(session, claim, result, self.policy)
        with self.catalog.alone() as connection:
            return settle_succeeded(connection, claim, result)

    def fail(self, claim: Claim, failure: JobFailure) -> Job:
        """Record a failure: the job waits for another attempt or has failed; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_failed(session, claim, failure, self.policy, self.random)

    def cancel(self, claim: Claim) -> Job:
        """Record that the holder stopped because it was asked to; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_cancelled(session, claim)

    def expire(self, claim: Claim) -> Job:
        """Record that the holder stopped because the deadline has passed; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_expired(session, claim)

    def wait(self, claim: Claim, seconds: float) -> Job:
        """Give the job back to go on later, because something elsewhere is not done yet; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_waiting(session, claim, seconds)

    def release(self, claim: Claim) -> Job:
        """Give the job back to the queue at once, as a process does that shuts down; raises LeaseLost.

        One that somebody wishes to pause rests instead.
        """
        with self.catalog.begin() as session:
            return settle_released(session, claim)

    def request_cancel(self, job_id: uuid.UUID) -> Job:
        """Cancel a waiting job now, a running one at its next check; raises JobNotFoundError, JobFinishedError."""
        with self.catalog.begin() as session:
            return wish_cancelled(session, job_id)

    def request_pause(self, job_id: uuid.UUID) -> Job:
        """Pause a waiting job now, a running one at its next check; raises JobNotFoundError, JobFinishedError."""
        with self.catalog.begin() as session:
            return wish_paused(session, job_id)

    def resume(self, job_id: uuid.UUID) -> Job:
        """Queue a paused job; one that has not paused yet goes on. Raises JobNotFoundError, JobFinishedError."""
        with self.catalog.begin() as session:
            return wish_resumed(session, job_id)
