"""Forgetting re-encryptions that are long over, and those that nobody works on any more."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import FINAL_STATES
from strongroom.catalog.reencryption import ReencryptionJob, ReencryptionRange, ReencryptionState
from strongroom.jobs.wishes import wish_cancelled
from strongroom.rotation.states import list_ledger_jobs, settle_states

DAY_SECONDS = 86_400.0
OVER = (ReencryptionState.FINISHED, ReencryptionState.FAILED)
STALLED = (ReencryptionState.PENDING, ReencryptionState.RUNNING)


@dataclass(frozen=True, slots=True)
class Cleanup:
    """The re-encryptions to forget, each list the oldest first."""

    finished: tuple[int, ...]
    stalled: tuple[int, ...]


def plan_cleanup(session: Session, *, finished_days: int, stalled_days: int) -> Cleanup:
    """Return what has ended, and what waits or runs without a sign of life, for longer than so many days.

    One that somebody paused is neither. For a writing transaction.
    """
    settle_states(session)
    over = ReencryptionJob.finished_at < utcnow(-finished_days * DAY_SECONDS)
    silent = ReencryptionJob.updated_at < utcnow(-stalled_days * DAY_SECONDS)
    query = select(ReencryptionJob.id).order_by(ReencryptionJob.id)
    return Cleanup(
        tuple(session.scalars(query.where(ReencryptionJob.state.in_(OVER), over))),
        tuple(session.scalars(query.where(ReencryptionJob.state.in_(STALLED), silent))),
    )


def apply_cleanup(session: Session, plan: Cleanup) -> None:
    """Cancel what is stalled and remove all; quarantined rows stay, because their tokens do."""
    for number in plan.stalled:
        for job in list_ledger_jobs(session, number, only_open=True):
            if job.state not in FINAL_STATES:
                wish_cancelled(session, job.id)
    _remove(session, [*plan.finished, *plan.stalled])


def _remove(session: Session, numbers: Sequence[int]) -> None:
    for number in numbers:
        session.execute(delete(ReencryptionRange).where(ReencryptionRange.job_id == number))
        session.execute(delete(ReencryptionJob).where(ReencryptionJob.id == number))
