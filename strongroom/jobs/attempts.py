"""What is kept of attempts: how each ended that did not end the job well, and when each began that was not the first.

Most jobs need one attempt, of which their own row says everything; they cost nothing here.
"""

import logging
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session, object_session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobAttempt
from strongroom.catalog.session import Catalog
from strongroom.errors import UnavailableError
from strongroom.jobs.claiming import Claim

MOST_NOTED = 100
"""Attempts of one job: those that wait for something outside begin again every few seconds."""

log = logging.getLogger(__name__)


class AttemptEnd(StrEnum):
    """How an attempt ended."""

    FAILED = "failed"
    """With an error; the job may have been tried again."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """The deadline of the job passed."""
    RELEASED = "released"
    """It was interrupted, and gave the job back."""
    CRASHED = "crashed"
    """Its worker was not heard of any more."""


def note_again(catalog: Catalog, claim: Claim) -> None:
    """Write down that one more attempt began; with the catalog away the story of the job lacks that."""
    if not 1 < claim.attempt <= MOST_NOTED:
        return
    try:
        with catalog.begin() as session:
            job = session.get_one(Job, claim.job_id)
            _note_crash_before(session, job, claim.attempt - 1)
            row = _row(session, job, claim.attempt)
            row.owner, row.began_at = job.lease_owner, utcnow()
    except UnavailableError as error:
        log.warning("the beginning of attempt %d is not noted: %s", claim.attempt, error.what)


def note_attempt_end(job: Job, how: AttemptEnd, error_code: str | None = None) -> None:
    """Write down how the present attempt of a job ended, in the transaction that settles it and before it does."""
    session = object_session(job)
    if session is not None:
        row = _row(session, job, job.attempt)
        row.owner = job.lease_owner
        row.ended_at, row.ended, row.error_code = utcnow(), how.value, error_code


def _note_crash_before(session: Session, job: Job, attempt: int) -> None:
    """Write down the end of an attempt whose worker died, where this attempt took the job before the sweeper saw it."""
    crashed = JobAttempt.ended == AttemptEnd.CRASHED.value
    known = select(func.count()).where(JobAttempt.job_id == job.id, crashed)
    if job.crashes > session.scalars(known).one():
        row = _row(session, job, attempt)
        row.ended_at, row.ended = utcnow(), AttemptEnd.CRASHED.value


def _row(session: Session, job: Job, attempt: int) -> JobAttempt:
    row = session.get(JobAttempt, (job.id, attempt))
    if row is None:
        row = JobAttempt(job_id=job.id, attempt=attempt)
        session.add(row)
    return row
