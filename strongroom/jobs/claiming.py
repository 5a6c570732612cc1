"""Taking a job's lease, keeping it, and proving that one still holds it.

The fence of a job only grows: every claim and every taking-away adds one. Whatever an attempt writes is conditional on
the fence it was given, so an attempt that lost its lease cannot change anything, however late it wakes up.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.policy import LedgerPolicy


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt's hold on a job. `asked_at` is the holder's monotonic clock just before it asked for the lease."""

    job_id: uuid.UUID
    fence: int
    attempt: int
    kind: str
    args: dict[str, Any]
    cursor: dict[str, Any] | None
    trace_id: str
    asked_at: float

    @property
    def held(self) -> ColumnElement[bool]:
        """Return the condition under which this attempt may still write."""
        return and_(Job.id == self.job_id, Job.fence == self.fence, Job.state == JobState.RUNNING)


def take_lease(session: Session, job_id: uuid.UUID, owner: str, policy: LedgerPolicy) -> Job | None:
    """Move a due job, or one whose lease lapsed, to running in one statement; None when it is not to be had."""
    lapsed = Job.state == JobState.RUNNING
    statement = (
        update(Job)
        .where(Job.id == job_id, or_(_due(), _abandoned(policy)))
        .values(
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            crashes=Job.crashes + case((lapsed, 1), else_=0),
            fence=Job.fence + 1,
            lease_owner=owner,
            lease_until=utcnow(policy.lease_seconds),
            heartbeat_at=utcnow(),
            started_at=func.coalesce(Job.started_at, utcnow()),
        )
        .returning(Job)
    )
    return session.scalar(statement, execution_options={"synchronize_session": False})


def renew_lease(session: Session, claim: Claim, policy: LedgerPolicy) -> bool:
    """Extend the lease and say whether the job is to be cancelled; raises LeaseLost."""
    values = {"lease_until": utcnow(policy.lease_seconds), "heartbeat_at": utcnow()}
    statement = update(Job).where(claim.held).values(values).returning(Job.cancel_requested)
    cancel_requested = session.scalar(statement)
    if cancel_requested is None:
        raise LeaseLost
    return cancel_requested


def write_held(session: Session, claim: Claim, **values: Any) -> None:
    """Set columns of the job; raises LeaseLost."""
    if session.scalar(update(Job).where(claim.held).values(values).returning(Job.id)) is None:
        raise LeaseLost


def lock_held(session: Session, claim: Claim) -> Job:
    """Lock the job's row until the transaction ends; raises LeaseLost."""
    job = session.scalar(select(Job).where(claim.held).with_for_update())
    if job is None:
        raise LeaseLost
    return job


def _due() -> ColumnElement[bool]:
    return and_(Job.state == JobState.QUEUED, Job.run_after <= utcnow())


def _abandoned(policy: LedgerPolicy) -> ColumnElement[bool]:
    # One that crashed too often, or is to be cancelled, is left for the sweeper to end.
    return and_(
        Job.state == JobState.RUNNING,
        Job.lease_until <= utcnow(),
        Job.crashes + 1 < policy.max_crashes,
        Job.cancel_requested.is_(False),
    )
