"""Backups that were due and did not begin, or began and do not end.

Each source has one row with the next moment it is due and the moment from which its absence is an alert; the second is
indexed, so a look costs the same however many sources there are. The arithmetic is done on moments in UTC.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.backup.schedule import next_slots
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.catalog.watching import ExpectedRun
from strongroom.jobs.kinds import JobKind
from strongroom.settings import Settings, SourceSettings
from strongroom.watch.durations import grace_of, patience_with

MISSED = "level.missed"
STUCK = "level.stuck"


def look_for_missed(session: Session, settings: Settings, now: datetime) -> None:
    """Open and clear the alerts about runs that were missed, in the caller's transaction; one process does this."""
    rows = {row.source: row for row in session.scalars(select(ExpectedRun))}
    wanted = {name: source for name, source in settings.sources.items() if source.schedule.enabled}
    for name in rows.keys() - wanted.keys():
        _forget(session, name, now)
    for name, source in wanted.items():
        row = rows.get(name)
        if row is None or row.spec != _spec(source):
            _expect(session, settings, source, now)
        elif row.alert_after <= now:
            _judge(session, settings, source, row, now)


def look_for_stuck(session: Session, settings: Settings, now: datetime) -> None:
    """Open and clear the alerts about backups that began and do not end."""
    running = session.scalars(select(Job).where(Job.kind == JobKind.BACKUP_RUN, Job.state == JobState.RUNNING)).all()
    stuck = {job.source: job for job in running if job.source and _is_stuck(session, settings, job, now)}
    for job in stuck.values():
        keep_open(session, _stuck_report(job, now))
    open_now = select(Alert.source).where(Alert.cause == STUCK, Alert.state != AlertState.RESOLVED)
    for source in session.scalars(open_now).all():
        if source not in stuck:
            clear_alerts(session, cause=STUCK, source=source, now=now, note="No backup of it is stuck any more.")


def _judge(session: Session, settings: Settings, source: SourceSettings, row: ExpectedRun, now: datetime) -> None:
    """Say that a run is missing, or go on to the next one: a run that failed has an alert of its own."""
    query = select(Job).where(Job.source == source.name, Job.kind == JobKind.BACKUP_RUN, Job.created_at >= row.due_at)
    jobs = session.scalars(query.order_by(Job.created_at)).all()
    ended = [job for job in jobs if job.state in FINAL_STATES]
    if ended:
        clear_alerts(session, cause=MISSED, source=source.name, now=now, note="A backup of it has run.")
        _expect(session, settings, source, now, ended[-1])
    elif not any(job.state is JobState.RUNNING for job in jobs):
        keep_open(session, _missed_report(source.name, row, waiting=bool(jobs), now=now))


def _expect(
    session: Session, settings: Settings, source: SourceSettings, now: datetime, last: Job | None = None
) -> None:
    """Expect the first moment after the last run was asked for; while that run lasted, no other could begin."""
    slot = next(next_slots(source.schedule, now if last is None else last.created_at), None)
    if slot is None:
        _forget(session, source.name, now)
        return
    grace = grace_of(session, source.name, settings.alerts.missed_seconds)
    begin = slot.at if last is None or last.finished_at is None else max(slot.at, last.finished_at)
    row = ExpectedRun(source=source.name, spec=_spec(source), due_at=slot.at, alert_after=begin + grace)
    row.grace_seconds = int(grace.total_seconds())
    session.merge(row)


def _forget(session: Session, name: str, now: datetime) -> None:
    session.execute(delete(ExpectedRun).where(ExpectedRun.source == name))
    clear_alerts(session, cause=MISSED, source=name, now=now, note="It is not backed up by itself any more.")


def _spec(source: SourceSettings) -> str:
    return hashlib.sha256(source.schedule.model_dump_json().encode()).hexdigest()


def _is_stuck(session: Session, settings: Settings, job: Job, now: datetime) -> bool:
    source = settings.sources.get(job.source or "")
    if source is None or job.started_at is None:
        return False
    least, expected = settings.alerts.missed_seconds, float(source.levels.expected_seconds)
    return now - job.started_at > patience_with(session, source.name, least, expected)


def _missed_report(source: str, row: ExpectedRun, *, waiting: bool, now: datetime) -> AlertReport:
    why = "It is queued, and no worker takes it." if waiting else "Nobody has asked for it."
    late = timedelta(seconds=row.grace_seconds)
    return AlertReport(
        type=AlertType.DELAY,
        severity=Severity.HIGH,
        cause=MISSED,
        message=f"Backup missed: {source}",
        next_step=f"It was due at {row.due_at:%Y-%m-%d %H:%M} UTC and had {late} of grace. {why} "
        f"See: strongroom status, strongroom queues list. By hand: strongroom backup run {source}",
        at=now,
        source=source,
    )


def _stuck_report(job: Job, now: datetime) -> AlertReport:
    return AlertReport(
        type=AlertType.DELAY,
        severity=Severity.HIGH,
        cause=STUCK,
        message=f"Backup does not end: {job.source}",
        next_step=f"It takes over twice as long as usual. See: strongroom jobs watch {job.id}",
        at=now,
        source=job.source,
        backup_id=job.id,
        job_id=job.id,
        trace_id=job.trace_id,
    )
