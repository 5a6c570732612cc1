"""What each kind of row says about a trace."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.alerts import Alert
from strongroom.catalog.audit import AuditRow
from strongroom.catalog.backups import Backup, Replica
from strongroom.catalog.jobs import FINAL_STATES, Job, JobAttempt, JobState

ENDED = {
    "failed": "failed",
    "cancelled": "was cancelled",
    "expired": "ran into the deadline",
    "released": "was interrupted and gave the job back",
    "crashed": "was lost: its worker was not heard of any more",
}


class EventKind(StrEnum):
    """What an event of a story is about; each leads to those after it."""

    REQUEST = "request"
    AUDIT = "audit"
    JOB = "job"
    ATTEMPT = "attempt"
    OBJECT = "object"
    COPY = "copy"
    ALERT = "alert"

    @property
    def rank(self) -> int:
        """Return the place among events of the same moment."""
        return list(EventKind).index(self)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: when, what it is about, what happened for people, and the ids that it names."""

    at: datetime
    kind: EventKind
    what: str
    about: Mapping[str, str] = field(default_factory=dict)


def tell_requests(jobs: Sequence[Job]) -> Iterator[Event]:
    """Tell of each request that asked for jobs."""
    asked: dict[str, list[Job]] = {}
    for job in jobs:
        if job.request_id is not None:
            asked.setdefault(job.request_id, []).append(job)
    for request_id, its_jobs in asked.items():
        number = f"{len(its_jobs)} jobs" if len(its_jobs) > 1 else "a job"
        first = min(job.created_at for job in its_jobs)
        yield Event(first, EventKind.REQUEST, f"a request asked for {number}", {"request_id": request_id})


def about_jobs(session: Session, jobs: Sequence[Job]) -> Iterator[Event]:
    """Tell of jobs and of their attempts."""
    noted: dict[uuid.UUID, list[JobAttempt]] = {}
    rows = select(JobAttempt).where(JobAttempt.job_id.in_([job.id for job in jobs])).order_by(JobAttempt.attempt)
    for row in session.scalars(rows):
        noted.setdefault(row.job_id, []).append(row)
    for job in jobs:
        yield from _tell_job(job)
        yield from _tell_attempts(job, noted.get(job.id, []))


def _tell_job(job: Job) -> Iterator[Event]:
    about = {"job_id": str(job.id), "kind": job.kind} | ({"source": job.source} if job.source else {})
    what = f"{job.kind}{f' of {job.source}' if job.source else ''}"
    yield Event(job.created_at, EventKind.JOB, f"{what} was asked for", about)
    if job.state in FINAL_STATES and job.finished_at is not None:
        code = f" ({job.last_error['code']})" if job.last_error and job.state is not JobState.SUCCEEDED else ""
        yield Event(job.finished_at, EventKind.JOB, f"{what} {_ending(job.state)}{code}", about)


def _ending(state: JobState) -> str:
    return {JobState.DEAD: "is dead", JobState.CANCELLED: "was cancelled"}.get(state, state.value)


def _tell_attempts(job: Job, noted: Sequence[JobAttempt]) -> Iterator[Event]:
    about = {"job_id": str(job.id)}
    if job.started_at is not None:
        yield Event(job.started_at, EventKind.ATTEMPT, "attempt 1 began", about)
    for row in noted:
        by = about | ({"owner": row.owner} if row.owner else {})
        if row.began_at is not None:
            yield Event(row.began_at, EventKind.ATTEMPT, f"attempt {row.attempt} began", by)
        if row.ended_at is not None:
            code = f" ({row.error_code})" if row.error_code else ""
            what = f"attempt {row.attempt} {ENDED.get(row.ended or '', 'ended')}{code}"
            yield Event(row.ended_at, EventKind.ATTEMPT, what, by)


def about_backups(session: Session, trace_id: str) -> Iterator[Event]:
    """Tell what backups of the trace wrote, and where their copies are."""
    backups = session.scalars(select(Backup).where(Backup.trace_id == trace_id)).all()
    for backup in backups:
        yield from _tell_backup(backup)
    copies = select(Replica).where(Replica.backup_id.in_([backup.id for backup in backups]))
    for copy in session.scalars(copies):
        yield _tell_copy(copy)


def _tell_backup(backup: Backup) -> Iterator[Event]:
    about = {"backup_id": str(backup.id), "source": backup.source}
    if backup.committed_at is not None:
        what = f"committed: {backup.objects} objects, {backup.stored_bytes} bytes of them new"
        yield Event(backup.committed_at, EventKind.OBJECT, what, about)
    if backup.protected_at is not None:
        yield Event(backup.protected_at, EventKind.COPY, "protected: every region of its policy has a copy", about)


def _tell_copy(copy: Replica) -> Event:
    about = {"backup_id": str(copy.backup_id), "region": copy.region}
    about |= {"job_id": str(copy.job_id)} if copy.job_id else {}
    what = f"copy in {copy.region} is {copy.state.value}: {copy.objects} objects, {copy.bytes} bytes"
    return Event(copy.confirmed_at or copy.updated_at, EventKind.COPY, what, about)


def tell_alert(alert: Alert) -> Iterator[Event]:
    """Tell when an alert was opened and how it stands."""
    about = {"alert_id": str(alert.id), "cause": alert.cause, "severity": alert.severity.value}
    yield Event(alert.opened_at, EventKind.ALERT, f"alert {alert.cause} opened: {alert.message}", about)
    if alert.resolved_at is not None:
        yield Event(alert.resolved_at, EventKind.ALERT, f"alert {alert.cause} resolved", about)


def tell_audit(row: AuditRow) -> Event:
    """Tell what the audit log has."""
    reason = f" ({row.reason})" if row.reason else ""
    about = {"sequence": str(row.sequence), "actor": row.actor_name, "request_id": row.request_id, "target": row.target}
    what = f"{row.actor_name or row.actor_id} {row.action} {row.outcome}{reason}"
    return Event(row.at, EventKind.AUDIT, what, {name: value for name, value in about.items() if value})
