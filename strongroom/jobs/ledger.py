"""The ledger of jobs: the only place where a job changes its state."""

import builtins
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.catalog.paging import Page, fetch_page
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import new_id
from strongroom.jobs.claiming import Claim, renew_lease, take_lease
from strongroom.jobs.enqueueing import JobRequest, insert_job, insert_jobs
from strongroom.jobs.errors import JobFinishedError, JobNotFoundError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.policy import LedgerPolicy
from strongroom.jobs.settling import settle_cancelled, settle_failed, settle_released, settle_succeeded
from strongroom.jobs.transitions import end

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
        return insert_job(session, request, new_id(self.clock, self.random), self.policy.max_errors)

    def enqueue_many(self, session: Session, requests: Sequence[JobRequest]) -> builtins.list[uuid.UUID]:
        """Write many jobs in the caller's transaction, all or none, and return their ids in order.

        Raises BatchRefusedError, which names every request that cannot be met.
        """
        numbered = [(new_id(self.clock, self.random), request) for request in requests]
        return insert_jobs(session, numbered, self.policy.max_errors)

    def find(self, job_id: uuid.UUID) -> Job | None:
        """Return the job, if there is one."""
        with self.catalog.read() as session:
            return session.get(Job, job_id)

    def get(self, job_id: uuid.UUID) -> Job:
        """Return the job; raises JobNotFoundError."""
        job = self.find(job_id)
        if job is None:
            raise _not_found(job_id)
        return job

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

    def claim(self, job_id: uuid.UUID, owner: str) -> Claim | None:
        """Take the job's lease; None when it is not due, already held, or over: the message can be dropped."""
        asked_at = self.clock.monotonic()
        with self.catalog.begin() as session:
            job = take_lease(session, job_id, owner, self.policy)
        if job is None:
            return None
        return Claim(job.id, job.fence, job.attempt, job.kind, job.args, job.cursor, job.trace_id, asked_at)

    def renew(self, claim: Claim) -> bool:
        """Extend the lease and say whether the job is to be cancelled; raises LeaseLost."""
        with self.catalog.begin() as session:
            return renew_lease(session, claim, self.policy)

    def finish(self, claim: Claim, result: dict[str, Any]) -> Job:
        """Record success; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_succeeded(session, claim, result)

    def fail(self, claim: Claim, failure: JobFailure) -> Job:
        """Record a failure: the job waits for another attempt or has failed; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_failed(session, claim, failure, self.policy, self.random)

    def cancel(self, claim: Claim) -> Job:
        """Record that the holder stopped because it was asked to; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_cancelled(session, claim)

    def release(self, claim: Claim) -> Job:
        """Give the job back to the queue at once, as a process does that shuts down; raises LeaseLost."""
        with self.catalog.begin() as session:
            return settle_released(session, claim)

    def request_cancel(self, job_id: uuid.UUID) -> Job:
        """Cancel a waiting job now, a running one at its next check; raises JobNotFoundError, JobFinishedError."""
        with self.catalog.begin() as session:
            job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
            if job is None:
                raise _not_found(job_id)
            if job.state in FINAL_STATES and job.state is not JobState.CANCELLED:
                raise _finished(job)
            job.cancel_requested = True
            if job.state in (JobState.QUEUED, JobState.PAUSED):
                end(job, JobState.CANCELLED)
            session.flush()
            session.refresh(job)
            return job


def _not_found(job_id: uuid.UUID) -> JobNotFoundError:
    return JobNotFoundError(f"There is no job {job_id}.", next_step="Look it up with `strongroom jobs list`.")


def _finished(job: Job) -> JobFinishedError:
    return JobFinishedError(
        f"Job {job.id} has already {job.state}.", next_step="Nothing is left to cancel; look at its result."
    )
