"""One step of a job: its effect and the record that it happened, in one transaction."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import JobStep
from strongroom.jobs.claiming import Claim, lock_held

Effect = Callable[[Session], dict[str, Any] | None]


def apply_step(session: Session, claim: Claim, name: str, effect: Effect) -> dict[str, Any] | None:
    """Apply the effect unless an earlier attempt did, and return its result; raises LeaseLost.

    The lock on the job's row makes two attempts take turns; the fence makes the older one stop.
    """
    lock_held(session, claim)
    done = session.get(JobStep, (claim.job_id, name))
    if done is not None:
        return done.result
    result = effect(session)
    session.add(JobStep(job_id=claim.job_id, step=name, fence=claim.fence, result=result, done_at=utcnow()))
    return result
