"""Which waiting jobs may begin now: the conditions that claiming and publishing share.

A job waits for its time, for its queue to be resumed, and for its exclusion key to be free; it is never begun after its
deadline. Of the jobs that wait for one key, the first in line alone is worth a message.
"""

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState, PausedQueue


def in_state(job: type[Job], state: JobState) -> ColumnElement[bool]:
    """Return the condition with the state spelled out, so that a prepared statement finds the partial indexes too."""
    return job.state == literal(state, Job.state.type, literal_execute=True)


def is_due(job: type[Job] = Job) -> ColumnElement[bool]:
    """Return whether the job waits and its time has come."""
    return and_(in_state(job, JobState.QUEUED), job.run_after <= utcnow(), in_time(job))


def in_time(job: type[Job] = Job) -> ColumnElement[bool]:
    """Return whether the job has no deadline, or one that lies ahead."""
    return or_(job.deadline_at.is_(None), job.deadline_at > utcnow())


def is_free(job: type[Job] = Job) -> ColumnElement[bool]:
    """Return whether nothing outside the job keeps it: a pause of its queue, or a holder of its key."""
    holder = aliased(Job)
    held = exists().where(holder.exclusion == job.exclusion, in_state(holder, JobState.RUNNING), holder.id != job.id)
    # Not NOT EXISTS: PostgreSQL believes that such a join leaves nothing, and sorts the whole queue for its first job.
    open_queue = job.queue.not_in(select(PausedQueue.queue))
    return and_(open_queue, or_(job.exclusion.is_(None), ~held))


def is_first_in_line(job: type[Job] = Job) -> ColumnElement[bool]:
    """Return whether no other job that is due waits longer, or more urgently, for the same key."""
    other = aliased(Job)
    ahead = tuple_(other.priority, other.created_at, other.id) < tuple_(job.priority, job.created_at, job.id)
    someone = exists().where(other.exclusion == job.exclusion, is_due(other), ahead)
    return or_(job.exclusion.is_(None), ~someone)
