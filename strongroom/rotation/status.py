"""How far a re-encryption is: counts, speed and the time that is left."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.reencryption import QuarantinedRow, ReencryptionJob, ReencryptionRange


@dataclass(frozen=True, slots=True)
class ReencryptionStatus:
    """Rows by what became of them; `changed` are those that somebody else wrote, or held, at the same moment.

    `rows_per_second` adds up the ranges that run now; None while none does. Ranges include the search at the end.
    """

    total_rows: int
    processed: int
    skipped: int
    changed: int
    errors: int
    ranges: int
    ranges_done: int
    rows_per_second: float | None
    seconds_left: float | None


def describe_reencryption(session: Session, job: ReencryptionJob) -> ReencryptionStatus:
    """Return how far a re-encryption is."""
    parts = session.execute(
        select(ReencryptionRange, Job.state)
        .join(Job, Job.id == ReencryptionRange.ledger_job)
        .where(ReencryptionRange.job_id == job.id)
    ).all()
    ranges = [part for part, _ in parts]
    speeds = [part.rows_per_second for part, state in parts if state is JobState.RUNNING and part.rows_per_second]
    speed = sum(speeds) or None
    processed, skipped, changed = (_sum(ranges, name) for name in ("processed", "skipped", "changed"))
    errors = _count_broken(session, job)
    left = max(0, job.total_rows - processed - skipped - changed - errors)
    return ReencryptionStatus(
        job.total_rows,
        processed,
        skipped,
        changed,
        errors,
        len(ranges),
        sum(part.done for part in ranges),
        speed,
        left / speed if speed else None,
    )


def _sum(ranges: Sequence[ReencryptionRange], name: str) -> int:
    return sum(getattr(part, name) for part in ranges)


def _count_broken(session: Session, job: ReencryptionJob) -> int:
    mine = select(func.count()).select_from(QuarantinedRow)
    return session.scalar(mine.where(QuarantinedRow.place == job.place, QuarantinedRow.job_id == job.id)) or 0
