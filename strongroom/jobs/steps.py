"""One step of a job: its effect and the record that it happened, in one transaction."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import String, Uuid, bindparam, insert, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import JobStep
from strongroom.jobs.claiming import Claim, lock_held

FIND = select(JobStep.result).where(
    JobStep.job_id == bindparam("held_id", type_=Uuid()), JobStep.step == bindparam("called", type_=String())
)
RECORD = insert(JobStep).values(done_at=utcnow())

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
