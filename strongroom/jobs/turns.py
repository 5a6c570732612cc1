"""Taking turns in a region: what brings objects into it, and what deletes garbage from it, never run together.

A copy may need again what is garbage in its region, and must not find it there a moment before it is deleted. Both are
running in the ledger before they look for the other, so of two that begin together at least one sees the other; a job
that has lost its lease stops by itself before anybody else gets it.
"""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.errors import RegionBusyError
from strongroom.jobs.kinds import JobKind

FILLING = frozenset({JobKind.REPLICATION_COPY, JobKind.REPAIR_RUN})


SLOT_WRITING = frozenset({JobKind.REPAIR_RUN, JobKind.ROTATION_RUN, JobKind.EXTENSION_RUN})


def verify_turn_to_shred(session: Session) -> None:
    """Check that no job that may write key slots of retired backups is running; raises RegionBusyError.

    One that begins later finds the tombstone and leaves the backup alone.
    """
    running = select(Job).where(Job.state == JobState.RUNNING, Job.kind.in_(SLOT_WRITING))
    for job in session.scalars(running):
        if job.args.get("apply", True):
            raise RegionBusyError(
                f"Job {job.id} ({job.kind}) writes key slots.",
                next_step="It is tried again by itself when that job has ended.",
            )


def verify_turn_to_fill(session: Session, job_id: uuid.UUID, region: str) -> None:
    """Check that no collection deletes garbage from the region now; raises RegionBusyError."""
    _verify_none(session, job_id, region, {JobKind.COLLECTION_RUN})


def verify_turn_to_delete(session: Session, job_id: uuid.UUID, region: str) -> None:
    """Check that nothing is copied into the region now; raises RegionBusyError."""
    _verify_none(session, job_id, region, FILLING)


def _verify_none(session: Session, job_id: uuid.UUID, region: str, kinds: "frozenset[JobKind] | set[JobKind]") -> None:
    running = select(Job).where(Job.state == JobState.RUNNING, Job.kind.in_(kinds), Job.id != job_id)
    for job in session.scalars(running):
        if job.args.get("region") == region and job.args.get("apply", True):
            raise RegionBusyError(
                f"Job {job.id} ({job.kind}) is at work on the objects of region {region!r}.",
                next_step="It is tried again by itself when that job has ended.",
            )
