"""What follows when a range is done: the search for what is left, then the end with its census."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job
from strongroom.catalog.reencryption import RangePhase, ReencryptionJob, ReencryptionRange, ReencryptionState
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.rotation.pace import Pace
from strongroom.rotation.quarantine import release_older
from strongroom.rotation.registry import record_census
from strongroom.services import Services


def range_request(job: ReencryptionJob, number: int) -> JobRequest:
    """Return the request for a job of the ledger that works on a range; as many run at a time as the pace says."""
    lane = number % Pace.of(job.pace).parallel
    args = {"reencryption": job.id, "range": number}
    return JobRequest(JobKind.REENCRYPTION_RANGE, args, job.trace_id, exclusion=f"reencryption:{job.id}:{lane}")


def is_last_of_its_phase(session: Session, job_id: int) -> bool:
    """Say whether no range of a re-encryption is left; the caller holds the lock on its row."""
    left = select(func.count()).select_from(ReencryptionRange)
    return not session.scalar(left.where(ReencryptionRange.job_id == job_id, ReencryptionRange.done.is_(False)))


def enqueue_closing(session: Session, services: Services, job: ReencryptionJob) -> Job:
    """Queue the search for rows that escaped the ranges."""
    last = select(func.max(ReencryptionRange.number)).where(ReencryptionRange.job_id == job.id)
    number = (session.scalar(last) or 0) + 1
    closing = services.ledger.enqueue(session, range_request(job, number))
    session.add(_closing(job.id, number, closing))
    session.flush()
    return closing


def _closing(job_id: int, number: int, closing: Job) -> ReencryptionRange:
    return ReencryptionRange(
        job_id=job_id, number=number, phase=RangePhase.CLOSING, ledger_job=closing.id, done=False, versions={}
    )


def finish(session: Session, job: ReencryptionJob, version: str, versions: dict[str, int] | None) -> None:
    """End a re-encryption well; without a census the counts of the ranges, which a dry run made, take its place."""
    if versions is None:
        parts = session.scalars(select(ReencryptionRange.versions).where(ReencryptionRange.job_id == job.id))
        versions = dict(sum((Counter(part) for part in parts), Counter[str]()))
    job.rows_by_version, job.target_version = versions, version
    job.state, job.finished_at, job.updated_at = ReencryptionState.FINISHED, utcnow(), utcnow()
    job.started_at = job.started_at or utcnow()
    release_older(session, job.place, job.id)
    record_census(session, job.place, versions)
