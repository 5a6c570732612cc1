"""What each kind of row says about a trace."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
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

TOLD = {
    DeliveryState.WAITING: "waits to be sent",
    DeliveryState.SENT: "was sent",
    DeliveryState.DEAD: "was given up",
}


class EventKind(StrEnum):
    """What an event of a story is about."""

    REQUEST = "request"
    AUDIT = "audit"
    JOB = "job"
    ATTEMPT = "attempt"
    OBJECT = "object"
    COPY = "copy"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: when, what it is about, what happened for people, and the ids that it names."""

    at: datetime
    kind: EventKind
    what: str
    about: Mapping[str, str] = field(default_factory=dict)


def tell_requests(jobs: Sequence[Job], *, named: bool) -> Iterator[Event]:
    """Tell of each request that asked for jobs, and whose it was, if people are to be named."""
    asked: dict[str, list[Job]] = {}
    for job in jobs:
        if job.request_id is not None:
            asked.setdefault(job.request_id, []).append(job)
    for request_id, its_jobs in asked.items():
        number = f"{len(its_jobs)} jobs" if len(its_jobs) > 1 else "a job"
        first = min(job.created_at for job in its_jobs)
        asked_by = _asked_by(its_jobs[0]) if named else {}
        who = f" of {asked_by['username']}" if "username" in asked_by else ""
        about = {"request_id": request_id} | asked_by
        yield Event(first, EventKind.REQUEST, f"a request{who} asked for {number}", about)


def _asked_by(job: Job) -> dict[str, str]:
    known = {"user_id": job.user_id, "username": job.username}
    return {name: value for name, value in known.items() if value is not None}


def tell_jobs(jobs: Sequence[Job], *, named: bool) -> Iterator[Event]:
    """Tell that jobs were asked for; a request is told of by itself."""
    for job in jobs:
        who = f" by {job.username}" if named and job.username and job.request_id is None else ""
        yield Event(job.created_at, EventKind.JOB, f"{_name(job)} was asked for{who}", _about(job))


def tell_ends(jobs: Sequence[Job]) -> Iterator[Event]:
    """Tell how jobs ended."""
    for job in jobs:
        if job.state in FINAL_STATES and job.finished_at is not None:
            code = f" ({job.last_error['code']})" if job.last_error and job.state is not JobState.SUCCEEDED else ""
            yield Event(job.finished_at, EventKind.JOB, f"{_name(job)} {_ending(job.state)}{code}", _about(job))


def _about(job: Job) -> dict[str, str]:
    return {"job_id": str(job.id), "kind": job.kind} | ({"source": job.source} if job.source else {})


def _name(job: Job) -> str:
    region = job.args.get("region")
    return f"{job.kind}{f' of {job.source}' if job.source else ''}{f' ({region})' if region else ''}"


def _ending(state: JobState) -> str:
    return {JobState.DEAD: "is dead", JobState.CANCELLED: "was cancelled"}.get(state, state.value)


def about_attempts(session: Session, jobs: Sequence[Job]) -> Iterator[Event]:
    """Tell of the attempts of jobs."""
    noted: dict[uuid.UUID, list[JobAttempt]] = {}
    rows = select(JobAttempt).where(JobAttempt.job_id.in_([job.id for job in jobs])).order_by(JobAttempt.attempt)
    for row in session.scalars(rows):
        noted.setdefault(row.job_id, []).append(row)
    for job in jobs:
        yield from _tell_attempts(job, noted.get(job.id, []))


def _tell_attempts(job: Job, noted: Sequence[JobAttempt]) -> Iterator[Event]:
    about = {"job_id": str(job.id)}
    if job.started_at is not None:
        yield Event(job.started_at, EventKind.ATTEMPT, f"attempt 1 of {job.kind} began", about)
    for row in noted:
        by = about | ({"owner": row.owner} if row.owner else {})
        name = f"attempt {row.attempt} of {job.kind}"
        if row.began_at is not None:
            yield Event(row.began_at, EventKind.ATTEMPT, f"{name} began", by)
        if row.ended_at is not None:
            code = f" ({row.error_code})" if row.error_code else ""
            # The last one ends with its job, by a clock that is read a moment later.
            at = row.ended_at if job.finished_at is None else min(row.ended_at, job.finished_at)
            yield Event(at, EventKind.ATTEMPT, f"{name} {ENDED.get(row.ended or '', 'ended')}{code}", by)


def about_backups(session: Session, trace_id: str) -> Iterator[Event]:
    """Tell what backups of the trace wrote, and where their copies are."""
    backups = session.scalars(select(Backup).where(Backup.trace_id == trace_id)).all()
    for backup in backups:
        if backup.committed_at is not None:
            what = f"committed: {backup.objects} objects, {backup.stored_bytes} bytes of them new"
            yield Event(backup.committed_at, EventKind.OBJECT, what, _about_backup(backup))
    copies = select(Replica).where(Replica.backup_id.in_([backup.id for backup in backups]))
    for copy in session.scalars(copies):
        yield _tell_copy(copy)
    for backup in backups:
        if backup.protected_at is not None:
            what = "protected: every region of its policy has a copy"
            yield Event(backup.protected_at, EventKind.COPY, what, _about_backup(backup))


def _about_backup(backup: Backup) -> dict[str, str]:
    return {"backup_id": str(backup.id), "source": backup.source}


def _tell_copy(copy: Replica) -> Event:
    about = {"backup_id": str(copy.backup_id), "region": copy.region}
    about |= {"job_id": str(copy.job_id)} if copy.job_id else {}
    what = f"copy in {copy.region} is {copy.state.value}: {copy.objects} objects, {copy.bytes} bytes"
    return Event(copy.confirmed_at or copy.updated_at, EventKind.COPY, what, about)


def about_alerts(session: Session, trace_id: str) -> Iterator[Event]:
    """Tell of the alerts of the trace, who was told of them, and who took care."""
    alerts = session.scalars(select(Alert).where(Alert.trace_id == trace_id)).all()
    for alert in alerts:
        yield from _tell_alert(alert)
    messages = select(AlertDelivery).where(AlertDelivery.alert_id.in_([alert.id for alert in alerts]))
    for message in session.scalars(messages.order_by(AlertDelivery.id)):
        yield _tell_message(message)
    for alert in alerts:
        if alert.resolved_at is not None:
            by = f" by {alert.resolved_by}" if alert.resolved_by else ""
            yield Event(alert.resolved_at, EventKind.ALERT, f"alert {alert.cause} resolved{by}", _about_alert(alert))


def _tell_alert(alert: Alert) -> Iterator[Event]:
    about = _about_alert(alert)
    yield Event(alert.opened_at, EventKind.ALERT, f"alert {alert.cause} opened: {alert.message}", about)
    if alert.acknowledged_at is not None:
        what = f"alert {alert.cause} acknowledged by {alert.acknowledged_by}"
        yield Event(alert.acknowledged_at, EventKind.ALERT, what, about)


def _about_alert(alert: Alert) -> dict[str, str]:
    return {"alert_id": str(alert.id), "cause": alert.cause, "severity": alert.severity.value}


def _tell_message(message: AlertDelivery) -> Event:
    about = {"alert_id": str(message.alert_id), "delivery_id": str(message.id), "channel": message.channel}
    what = f"message ({message.reason.value}) to channel {message.channel} {TOLD[message.state]}"
    return Event(message.finished_at or message.created_at, EventKind.ALERT, what, about)


def tell_audit(row: AuditRow) -> Event:
    """Tell what the audit log has."""
    reason = f" ({row.reason})" if row.reason else ""
    about = {"sequence": str(row.sequence), "actor": row.actor_name, "request_id": row.request_id, "target": row.target}
    what = f"{row.actor_name or row.actor_id} {row.action} {row.outcome}{reason}"
    return Event(row.at, EventKind.AUDIT, what, {name: value for name, value in about.items() if value})
