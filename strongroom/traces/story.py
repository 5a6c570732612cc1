"""Finds what belongs to one trace and tells it in order of time.

A request that only read left nothing behind but lines in the logs, which have the same ids.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from strongroom.catalog.alerts import Alert
from strongroom.catalog.audit import AuditRow
from strongroom.catalog.backups import Backup
from strongroom.catalog.jobs import Job
from strongroom.traces.chapters import (
    Event,
    about_alerts,
    about_attempts,
    about_backups,
    tell_audit,
    tell_ends,
    tell_jobs,
    tell_requests,
)
from strongroom.traces.errors import TraceIdError, TraceNotFoundError

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MOST_JOBS = 1000
"""A batch has as many jobs in one trace."""
MOST_AUDIT_ROWS = 1000


@dataclass(frozen=True, slots=True)
class TraceStory:
    """Everything that is kept of one trace, oldest first."""

    trace_id: str
    request_ids: tuple[str, ...]
    events: tuple[Event, ...]


def tell_story(session: Session, wanted: str, *, with_audit: bool) -> TraceStory:
    """Return the story of a trace, named by its own id or that of one of its requests, in any spelling.

    Rows of the audit log, and who asked for jobs, are for whoever may read that log.
    Raises TraceIdError, TraceNotFoundError.
    """
    trace_id = _find_trace(session, _normal(wanted))
    jobs = session.scalars(select(Job).where(Job.trace_id == trace_id).order_by(Job.id).limit(MOST_JOBS)).all()
    audit = _audit_rows(session, trace_id) if with_audit else []
    events = chain(
        tell_requests(jobs, named=with_audit),
        tell_jobs(jobs, named=with_audit),
        map(tell_audit, audit),
        about_attempts(session, jobs),
        about_backups(session, trace_id),
        tell_ends(jobs),
        about_alerts(session, trace_id),
    )
    named = chain((job.request_id for job in jobs), (row.request_id for row in audit))
    requests = dict.fromkeys(filter(None, named))
    return TraceStory(trace_id, tuple(requests), _in_order(events))


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    # What happened in one transaction has the same moment, and stays as it is told: as one leads to the other.
    return tuple(sorted(events, key=lambda event: event.at))


def _normal(wanted: str) -> str:
    if not _ID.fullmatch(wanted.strip()):
        raise TraceIdError(
            "This is neither a trace id nor a request id.",
            next_step="Both have 32 hex digits, with or without dashes: X-Trace-Id and X-Request-ID of an answer, "
            "trace_id of a job, of an alert or of a line of the log.",
        )
    return wanted.strip().replace("-", "").lower()


def _find_trace(session: Session, wanted: str) -> str:
    for found in _candidates(wanted):
        trace_id: str | None = session.scalars(found).first()
        if trace_id:
            return trace_id
    raise TraceNotFoundError(
        f"Nothing that is kept belongs to {wanted}.",
        next_step="What only read, or was refused before it began, is in the logs alone: search them for this id.",
    )


def _candidates(wanted: str) -> Iterator[Select[tuple[str]] | Select[tuple[str | None]]]:
    """Yield where a trace id, and after that the id of a request, can be found."""
    yield select(Job.trace_id).where(Job.trace_id == wanted).limit(1)
    yield select(Alert.trace_id).where(Alert.trace_id == wanted).limit(1)
    yield select(Backup.trace_id).where(Backup.trace_id == wanted).limit(1)
    yield select(AuditRow.trace_id).where(AuditRow.trace_id == wanted).limit(1)
    yield select(Job.trace_id).where(Job.request_id == wanted).limit(1)
    yield select(AuditRow.trace_id).where(AuditRow.request_id == wanted).limit(1)


def _audit_rows(session: Session, trace_id: str) -> Sequence[AuditRow]:
    rows = select(AuditRow).where(AuditRow.trace_id == trace_id).order_by(AuditRow.sequence).limit(MOST_AUDIT_ROWS)
    return session.scalars(rows).all()
