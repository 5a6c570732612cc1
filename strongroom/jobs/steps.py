"""One step of a job: its effect and the record that it happened, in one transaction."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, String, Uuid, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from strongroom.catalog.base import NullableJson
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobStep
from strongroom.jobs.claiming import HELD, Claim, lock_held
from strongroom.jobs.interrupts import LeaseLost

FIND = select(JobStep.result).where(
    JobStep.job_id == bindparam("held_id", type_=Uuid()), JobStep.step == bindparam("called", type_=String())
)
FIND_HELD = FIND.where(select(Job.id).where(HELD).exists())
RECORD = insert(JobStep).values(done_at=utcnow())


def _note() -> ReturningInsert[Any]:
    # Not ON CONFLICT: SQLAlchemy compiles a statement with it anew each time, which takes longer than running it.
    step = bindparam("called", type_=String())
    known = select(JobStep.step).where(JobStep.job_id == Job.id, JobStep.step == step).exists()
    row = select(Job.id, step, Job.fence, bindparam("result", type_=NullableJson), utcnow()).where(HELD, ~known)
    columns = ("job_id", "step", "fence", "result", "done_at")
    return insert(JobStep).from_select(columns, row.with_for_update(of=Job)).returning(JobStep.fence)


NOTE = _note()

Effect = Callable[[Session], dict[str, Any] | None]


def apply_step(session: Session, claim: Claim, name: str, effect: Effect) -> dict[str, Any] | None:
    """Apply the effect unless an earlier attempt did, and return its result; raises LeaseLost.

    The lock on the job's row makes two attempts take turns; the fence makes the older one stop.
    """
    lock_held(session, claim)
    connection = session.connection()
    done = connection.execute(FIND, {"held_id": claim.job_id, "called": name}).one_or_none()
    if done is not None:
        recorded: dict[str, Any] | None = done.result
        return recorded
    result = effect(session)
    connection.execute(RECORD, {"job_id": claim.job_id, "step": name, "fence": claim.fence, "result": result})
    return result


def note_step(connection: Connection, claim: Claim, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Record a step whose effect lies elsewhere, in one statement, unless it is recorded; return what is recorded.

    Raises LeaseLost.
    """
    step = {**claim.key, "called": name}
    try:
        noted = connection.execute(NOTE, {**step, "result": result}).one_or_none()
    except IntegrityError:
        # An earlier try of this very statement, whose answer got lost, was still under way and has come first.
        noted = None
    if noted is not None:
        return result
    recorded: dict[str, Any] | None = connection.execute(FIND_HELD, step).scalar_one_or_none()
    if recorded is None:
        raise LeaseLost
    return recorded
