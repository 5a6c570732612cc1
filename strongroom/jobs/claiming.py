"""Taking a job's lease, keeping it, and proving that one still holds it.

The fence of a job only grows: every claim and every taking-away adds one. Whatever an attempt writes is conditional on
the fence it was given, so an attempt that lost its lease cannot change anything, however late it wakes up.
"""

import uuid
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    CursorResult,
    Float,
    Integer,
    ScalarSelect,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningUpdate

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.eligibility import in_state, in_time, is_due, is_free
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.policy import LedgerPolicy
from strongroom.jobs.wishes import Wishes, wish_columns
from strongroom.tracing import bind

UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt's hold on a job. `asked_at` is the holder's monotonic clock just before it asked for the lease."""

    job_id: uuid.UUID
    fence: int
    attempt: int
    kind: str
    queue: str
    args: dict[str, Any]
    cursor: dict[str, Any] | None
    exclusion: str | None
    trace_id: str
    asked_at: float
    wishes: Wishes
    request_id: str | None = None
    user_id: str | None = None
    username: str | None = None

    def bound(self) -> AbstractContextManager[None]:
        """Bind what the work belongs to, and who asked for it, for the length of a block."""
        asked_by = {"request_id": self.request_id, "user_id": self.user_id, "username": self.username}
        return bind(trace_id=self.trace_id, job_id=str(self.job_id), **asked_by)

    @property
    def held(self) -> ColumnElement[bool]:
        """Return the condition under which this attempt may still write."""
        return and_(Job.id == self.job_id, Job.fence == self.fence, Job.lease_until.is_not(None))

    @property
    def key(self) -> dict[str, Any]:
        """Return the parameters of `HELD`."""
        return {"held_id": self.job_id, "held_fence": self.fence}


HELD = and_(
    Job.id == bindparam("held_id", type_=Uuid()),
    Job.fence == bindparam("held_fence", type_=BigInteger()),
    Job.lease_until.is_not(None),
)
"""The condition of `Claim.held` with the claim as parameters, for statements that are made once.

A running job is one with a lease, says a constraint of the table. Asked for the state, PostgreSQL would look for the id
in the index of running jobs, and pass every job that left it since it was last cleaned.
"""


def take_lease(
    connection: Connection,
    hint: uuid.UUID,
    owner: str,
    queues: AbstractSet[str],
    policy: LedgerPolicy,
    asked_at: float,
) -> Claim | None:
    """Move the most urgent job to running in one statement; None when nothing is to be had.

    That is a due job of the `queues` that goes before the hinted one, else the hinted one if it is due or its
    lease has lapsed. Two claims of one exclusion key that meet end in an IntegrityError for the second.
    """
    values = {"hint": hint, "owner": owner, "lease_seconds": policy.lease_seconds, "max_crashes": policy.max_crashes}
    statement = _take_most_urgent() if queues else _take_hinted()
    return _claim(connection.execute(statement, values | ({"queues": list(queues)} if queues else {})), asked_at)


def take_next(connection: Connection, done: Claim, owner: str, policy: LedgerPolicy, asked_at: float) -> Claim | None:
    """Move to running the most urgent due job of the queue and kind of one that is done; None when there is none.

    An IntegrityError means the same as for `take_lease`.
    """
    values = {"owner": owner, "lease_seconds": policy.lease_seconds, "its_queue": done.queue, "its_kind": done.kind}
    return _claim(connection.execute(_take_next(), values), asked_at)


def _claim(taken: CursorResult[Any], asked_at: float) -> Claim | None:
    row = taken.one_or_none()
    if row is None:
        return None
    job_id, fence, attempt, kind, queue, args, cursor, exclusion, trace_id, *rest = row
    known = (job_id, fence, attempt, kind, queue, args, cursor, exclusion, trace_id)
    asked_by, wishes = rest[: len(ASKED_BY)], rest[len(ASKED_BY) :]
    return Claim(*known, asked_at, Wishes.of(wishes), *asked_by)


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
    """Return what is wanted of the holder, without extending the lease; raises LeaseLost when somebody took it away.

    A job that its holder settled a moment ago keeps the fence and is not lost.
    """
    own = select(*wish_columns()).where(Job.id == claim.job_id, Job.fence == claim.fence)
    row = session.execute(own).one_or_none()
    if row is None:
        raise LeaseLost
    return Wishes.of(row)


def write_held(session: Session, claim: Claim, **values: Any) -> None:
    """Set columns of the job; raises LeaseLost."""
    if session.scalar(update(Job).where(claim.held).values(values).returning(Job.id)) is None:
        raise LeaseLost


def lock_held(session: Session, claim: Claim) -> None:
    """Lock the job's row until the transaction ends; raises LeaseLost."""
    if session.connection().execute(LOCK, claim.key).one_or_none() is None:
        raise LeaseLost


def _take(wanted: ColumnElement[uuid.UUID], ready: ColumnElement[bool]) -> ReturningUpdate[Any]:
    abandoned = in_state(Job, JobState.RUNNING)
    lease_end = utcnow(bindparam("lease_seconds", type_=Float()))
    return (
        update(Job)
        .where(Job.id == wanted, ready)
        .values(
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            crashes=Job.crashes + case((abandoned, 1), else_=0),
            fence=Job.fence + 1,
            lease_owner=bindparam("owner", type_=String()),
            lease_until=lease_end,
            heartbeat_at=utcnow(),
            started_at=func.coalesce(Job.started_at, utcnow()),
        )
        .returning(*CLAIMED, *wish_columns())
    )


def _more_urgent() -> ScalarSelect[uuid.UUID]:
    """Find the most urgent job that goes before the hinted one, the oldest of several; locks it, or passes it over.

    The hinted one itself is waited for: whoever publishes it holds it until the message is out.
    """
    hinted, urgent = aliased(Job), aliased(Job)
    its_priority = select(hinted.priority).where(hinted.id == HINT, in_state(hinted, JobState.QUEUED))
    return (
        select(urgent.id)
        .where(urgent.queue.in_(bindparam("queues", expanding=True)))
        # While versions are mixed, a newer one may have written a kind that this process cannot run.
        .where(urgent.priority < its_priority.scalar_subquery(), urgent.kind.in_([kind.value for kind in JobKind]))
        .where(is_due(urgent), is_free(urgent))
        .order_by(urgent.priority, urgent.created_at, urgent.id)
        .limit(1)
        .with_for_update(of=urgent, skip_locked=True)
        .scalar_subquery()
    )


def _next_of_its_kind() -> ScalarSelect[uuid.UUID]:
    """Find the most urgent job of a queue and kind, the oldest of several; locks it, or passes it over."""
    following = aliased(Job)
    return (
        select(following.id)
        .where(
            following.queue == bindparam("its_queue", type_=String()),
            following.kind == bindparam("its_kind", type_=String()),
        )
        .where(is_due(following), is_free(following))
        .order_by(following.priority, following.created_at, following.id)
        .limit(1)
        .with_for_update(of=following, skip_locked=True)
        .scalar_subquery()
    )


def _abandoned() -> ColumnElement[bool]:
    # One that crashed too often, is late, or is to stop, is left for the sweeper to settle.
    return and_(
        in_state(Job, JobState.RUNNING),
        Job.lease_until <= utcnow(),
        Job.crashes + 1 < bindparam("max_crashes", type_=Integer()),
        Job.cancel_requested.is_(False),
        Job.pause_requested.is_(False),
        in_time(),
    )


WORK = (Job.kind, Job.queue, Job.args, Job.cursor, Job.exclusion)
ASKED_BY = (Job.request_id, Job.user_id, Job.username)
CLAIMED = (Job.id, Job.fence, Job.attempt, *WORK, Job.trace_id, *ASKED_BY)
"""What a claim reads of the job."""

HINT: BindParameter[uuid.UUID] = bindparam("hint", type_=Uuid())
LOCK = select(Job.id).where(HELD).with_for_update()


# Made once: building a statement and finding it among the compiled ones costs more than running it. And made when it is
# needed first: a command that runs one job claims in one of three ways.
@cache
def _take_hinted() -> ReturningUpdate[Any]:
    return _take(HINT, _to_be_had())


@cache
def _take_most_urgent() -> ReturningUpdate[Any]:
    return _take(func.coalesce(_more_urgent(), HINT), _to_be_had())


@cache
def _take_next() -> ReturningUpdate[Any]:
    # What the sub-select locked is ready; asked again, PostgreSQL looks for the id in the wrong index.
    return _take(_next_of_its_kind(), true())


def _to_be_had() -> ColumnElement[bool]:
    return or_(and_(is_due(), is_free()), _abandoned())
