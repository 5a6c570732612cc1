"""How long backups of a source take, and how much longer is too long."""

from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.kinds import JobKind

HISTORY = 20
TIMES = 2


def grace_of(session: Session, source: str, least_seconds: int) -> timedelta:
    """Return how late a backup of a source may be: twice the median of the last ones, and at least so many seconds."""
    usual = usual_seconds(session, source)
    return timedelta(seconds=max(least_seconds, TIMES * (usual or 0.0)))


def patience_with(session: Session, source: str, least_seconds: int, expected_seconds: float) -> timedelta:
    """Return how long a backup may run before it counts as stuck; without a history, twice what is expected."""
    usual = usual_seconds(session, source)
    return timedelta(seconds=max(least_seconds, TIMES * (expected_seconds if usual is None else usual)))


def usual_seconds(session: Session, source: str) -> float | None:
    """Return the median duration of the last backups that succeeded; None when there was none."""
    query = (
        select(Job.started_at, Job.finished_at)
        .where(Job.source == source, Job.kind == JobKind.BACKUP_RUN, Job.state == JobState.SUCCEEDED)
        .order_by(Job.id.desc())
        .limit(HISTORY)
    )
    lengths = [_length(started, finished) for started, finished in session.execute(query)]
    return median(lengths) if lengths else None


def _length(started: datetime | None, finished: datetime | None) -> float:
    return 0.0 if started is None or finished is None else (finished - started).total_seconds()
