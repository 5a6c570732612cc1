"""How an attempt ends: well, failed, cancelled, late or given back. Each is repeatable if its outcome is unknown."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Connection, Uuid, bindparam, null, select, update
from sqlalchemy.orm import Session

from strongroom.catalog.base import NullableJson
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.clock import RandomBytes
from strongroom.jobs.alerting import note_end
from strongroom.jobs.attempts import AttemptEnd, note_attempt_end
from strongroom.jobs.claiming import HELD, Claim
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.policy import LedgerPolicy
from strongroom.jobs.transitions import end, expire, requeue

SUCCEED = (
    update(Job)
    .where(HELD)
    .values(
        state=JobState.SUCCEEDED,
        result=bindparam("result", type_=NullableJson),
        last_error=null(),
        lease_owner=null(),
        lease_until=null(),
        finished_at=utcnow(),
    )
)
STATE_UNDER_FENCE = select(Job.state).where(
    Job.id == bindparam("held_id", type_=Uuid()), Job.fence == bindparam("held_fence", type_=BigInteger())
)


CLOCK_READINGS_APART = 0.05
"""Seconds that may pass between two readings of the database's clock in one transaction."""


def settle_succeeded(connection: Connection, claim: Claim, result: dict[str, Any]) -> JobState:
    """End the job well, with its result, in one statement, and return its state; raises LeaseLost."""
    if connection.execute(SUCCEED, {**claim.key, "result": result}).rowcount == 1:
        return JobState.SUCCEEDED
    # The same fence in another state: this very attempt settled it, and the answer to its commit got lost.
    state = connection.execute(STATE_UNDER_FENCE, claim.key).scalar_one_or_none()
    if state is None:
        raise LeaseLost
    return state


def settle_failed(
    session: Session, claim: Claim, failure: JobFailure, policy: LedgerPolicy, random: RandomBytes
) -> Job:
    """Queue the job again after a passing fault, or end it when the fault is permanent, one too many, or too late."""

    def change(job: Job) -> None:
        note_attempt_end(job, AttemptEnd.FAILED, failure.code)
        job.errors += 1
        job.last_error = failure.as_stored()
        left = _seconds_left(session, job)
        if failure.retryable and job.errors < job.max_errors and (left is None or left > 0):
            # The statement that sets the time reads the clock a moment later than the one before.
            at_most = None if left is None else max(0.0, left - CLOCK_READINGS_APART)
            requeue(job, policy.retry_delay(job.errors, random, at_most=at_most))
        else:
            end(job, JobState.FAILED)

    return _settle(session, claim, change)


def settle_watched(session: Session, claim: Claim, result: dict[str, Any], policy: LedgerPolicy) -> JobState:
    """End the job well and clear the alerts that its success puts right, in one transaction; raises LeaseLost."""
    state = settle_succeeded(session.connection(), claim, result)
    note_end(session, session.get_one(Job, claim.job_id), policy.expected_seconds)
    return state


def settle_cancelled(session: Session, claim: Claim) -> Job:
    """End the job as somebody wished; raises LeaseLost."""

    def change(job: Job) -> None:
        note_attempt_end(job, AttemptEnd.CANCELLED)
        end(job, JobState.CANCELLED)

    return _settle(session, claim, change)


def settle_expired(session: Session, claim: Claim) -> Job:
    """End the job because its deadline has passed; raises LeaseLost."""

    def change(job: Job) -> None:
        note_attempt_end(job, AttemptEnd.EXPIRED)
        expire(job)

    return _settle(session, claim, change)


def settle_released(session: Session, claim: Claim) -> Job:
    """Give the job back to the queue at once, or to rest if somebody wishes it; raises LeaseLost."""

    def change(job: Job) -> None:
        note_attempt_end(job, AttemptEnd.RELEASED)
        requeue(job, 0.0)

    return _settle(session, claim, change)


def settle_waiting(session: Session, claim: Claim, seconds: float) -> Job:
    """Let the job go on later; it came along, so the passing errors before do not count any more. Raises LeaseLost."""

    def change(job: Job) -> None:
        job.errors, job.last_error = 0, None
        requeue(job, seconds)

    return _settle(session, claim, change)


def _seconds_left(session: Session, job: Job) -> float | None:
    if job.deadline_at is None:
        return None
    return (job.deadline_at - session.scalars(select(utcnow())).one()).total_seconds()


def _settle(session: Session, claim: Claim, change: Callable[[Job], None]) -> Job:
    query = select(Job).where(Job.id == claim.job_id, Job.fence == claim.fence).with_for_update()
    job = session.scalar(query)
    if job is None:
        raise LeaseLost
    # The same fence in another state: this very attempt settled it, and the answer to its commit got lost.
    if job.state is JobState.RUNNING:
        change(job)
        session.flush()
        session.refresh(job)
        note_end(session, job, {})
    return job
