"""Taking a job's lease, keeping it, and proving that one still holds it.

The fence of a job only grows: every claim and every taking-away adds one. Whatever an attempt writes is conditional on
the fence it was given, so an attempt that lost its lease cannot change anything, however late it wakes up.
"""

import uuid
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, ScalarSelect, Uuid, and_, case, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.eligibility import in_state, in_time, is_due, is_free
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.policy import LedgerPolicy
from strongroom.jobs.wishes import Wishes, wish_columns

UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt's hold on a job. `asked_at` is the holder's monotonic clock just before it asked for the lease."""

    job_id: uuid.UUID
    fence: int
    attempt: int
    kind: str
    args: dict[str, Any]
    cursor: dict[str, Any] | None
    exclusion: str | None
    trace_id: str
    asked_at: float
    wishes: Wishes

    @classmethod
    def of(cls, job: Job, wishes: Wishes, asked_at: float) -> Self:
        """Describe a lease that was just taken."""
        return cls(
            job_id=job.id,
            fence=job.fence,
            attempt=job.attempt,
            kind=job.kind,
            args=job.args,
            cursor=job.cursor,
            exclusion=job.exclusion,
            trace_id=job.trace_id,
            asked_at=asked_at,
            wishes=wishes,
        )

    @property
    def held(self) -> ColumnElement[bool]:
        """Return the condition under which this attempt may still write."""
        return and_(Job.id == self.job_id, Job.fence == self.fence, Job.state == JobState.RUNNING)


def take_lease(
    session: Session, hint: uuid.UUID, owner: str, queues: AbstractSet[str], policy: LedgerPolicy
) -> tuple[Job, Wishes] | None:
    """Move the most urgent job to running in one statement; None when nothing is to be had.

    That is a due job of the `queues` that goes before the hinted one, else the hinted one if it is due or its
    lease has lapsed. Two claims of one exclusion key that meet end in an IntegrityError for the second.
    """
    lapsed = Job.state == JobState.RUNNING
    wanted = func.coalesce(_more_urgent(hint, queues), literal(hint, Uuid()))
    statement = (
        update(Job)
        .where(Job.id == (wanted if queues else hint), or_(and_(is_due(), is_free()), _abandoned(policy)))
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
        .returning(Job, *wish_columns())
    )
    row = session.execute(statement, execution_options=UNSYNCHRONIZED).one_or_none()
    return None if row is None else (row[0], Wishes.of(row[1:]))


def put_back(session: Session, job_id: uuid.UUID) -> None:
    """Have a job that is due published again, although the message that named it is used up."""
    values = {"publish_after": Job.run_after, "published_at": None, "publish_count": 0}
    session.execute(update(Job).where(Job.id == job_id, is_due()).values(values), execution_options=UNSYNCHRONIZED)


def renew_lease(session: Session, claim: Claim, policy: LedgerPolicy) -> Wishes:
    """Extend the lease and return what is wanted of its holder; raises LeaseLost."""
    values = {"lease_until": utcnow(policy.lease_seconds), "heartbeat_at": utcnow()}
    statement = update(Job).where(claim.held).values(values).returning(*wish_columns())
    row = session.execute(statement, execution_options=UNSYNCHRONIZED).one_or_none()
    if row is None:
        raise LeaseLost
    return Wishes.of(row)


def read_wishes(session: Session, claim: Claim) -> Wishes:
    """Return what is wanted of the holder, without extending the lease; raises LeaseLost."""
    row = session.execute(select(*wish_columns()).where(claim.held)).one_or_none()
    if row is None:
        raise LeaseLost
    return Wishes.of(row)


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


def _more_urgent(hint: uuid.UUID, queues: AbstractSet[str]) -> ScalarSelect[uuid.UUID]:
    """Find the most urgent job that goes before the hinted one, the oldest of several; locks it, or passes it over.

    The hinted one itself is waited for: whoever publishes it holds it until the message is out.
    """
    hinted, urgent = aliased(Job), aliased(Job)
    its_priority = select(hinted.priority).where(hinted.id == hint, in_state(hinted, JobState.QUEUED))
    return (
        select(urgent.id)
        .where(urgent.queue.in_(queues), urgent.priority < its_priority.scalar_subquery())
        # While versions are mixed, a newer one may have written a kind that this process cannot run.
        .where(is_due(urgent), is_free(urgent), urgent.kind.in_([kind.value for kind in JobKind]))
        .order_by(urgent.priority, urgent.created_at, urgent.id)
        .limit(1)
        .with_for_update(of=urgent, skip_locked=True)
        .scalar_subquery()
    )


def _abandoned(policy: LedgerPolicy) -> ColumnElement[bool]:
    # One that crashed too often, is late, or is to stop, is left for the sweeper to settle.
    return and_(
        in_state(Job, JobState.RUNNING),
        Job.lease_until <= utcnow(),
        Job.crashes + 1 < policy.max_crashes,
        Job.cancel_requested.is_(False),
        Job.pause_requested.is_(False),
        in_time(),
    )
