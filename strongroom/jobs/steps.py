"""One step of a job: its effect and the record that it happened, in one transaction."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, String, Uuid, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from strongroom.catalog.base import NullableJson
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobStep
from strongroom.jobs.claiming import HELD, Claim, lock_held
from strongroom.jobs.interrupts import LeaseLost

FIND = select(JobStep.result).where(
    JobStep.job_id == bindparam("held_id", type_=Uuid()), JobStep.step == bindparam("called", type_=String())
)
RECORD = insert(JobStep).values(done_at=utcnow())


def _note(insert_into: Callable[..., Any]) -> Any:
    step = bindparam("called", type_=String())
    row = select(Job.id, step, Job.fence, bindparam("result", type_=NullableJson), utcnow()).where(HELD)
    columns = ("job_id", "step", "fence", "result", "done_at")
    return insert_into(JobStep.__table__).from_select(columns, row.with_for_update(of=Job)).on_conflict_do_nothing()


NOTE = {"postgresql": _note(postgresql.insert), "sqlite": _note(sqlite.insert)}

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
    values = {**claim.key, "called": name, "result": result}
    if connection.execute(NOTE[connection.dialect.name], values).rowcount == 1:
        return result
    recorded: dict[str, Any] | None = connection.execute(
        FIND.where(select(Job.id).where(HELD).exists()), {**claim.key, "called": name}
    ).scalar_one_or_none()
    if recorded is None:
        raise LeaseLost
    return recorded
