"""Alerts about jobs: opened with the failure and cleared with the success, in the transaction that settles the job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.jobs import Job, JobState
from strongroom.jobs.kinds import JobKind

SLOW = "backup.slow"
TIMES_EXPECTED = 2
LOST = frozenset({JobState.FAILED, JobState.DEAD})
ANYWHERE = frozenset({JobKind.BACKUP_RUN, JobKind.RESTORE_RUN, JobKind.DRILL_RUN})


@dataclass(frozen=True, slots=True)
class Watched:
    """What the failure of a kind of job is called, and how bad it is."""

    cause: str
    name: str
    severity: Severity


WATCHED = {
    JobKind.BACKUP_RUN: Watched("backup.failed", "Backup", Severity.CRITICAL),
    JobKind.RESTORE_RUN: Watched("restore.failed", "Restore", Severity.CRITICAL),
    JobKind.REPLICATION_COPY: Watched("copy.failed", "Copy", Severity.HIGH),
    JobKind.VERIFICATION_RUN: Watched("verify.failed", "Verification", Severity.HIGH),
    JobKind.REGION_VERIFICATION: Watched("verify.failed", "Verification", Severity.HIGH),
    JobKind.DRILL_RUN: Watched("drill.blocked", "Holding a drill", Severity.HIGH),
    JobKind.REPAIR_RUN: Watched("repair.failed", "Repair", Severity.HIGH),
    JobKind.COLLECTION_RUN: Watched("collection.failed", "Collection", Severity.MEDIUM),
    JobKind.RETENTION_RUN: Watched("retention.failed", "Retention", Severity.MEDIUM),
    JobKind.RETENTION_LOCK: Watched("lock.failed", "Locking", Severity.HIGH),
    JobKind.ROTATION_RUN: Watched("rotation.failed", "Key rotation", Severity.MEDIUM),
    JobKind.EXTENSION_RUN: Watched("extension.failed", "Key extension", Severity.MEDIUM),
    JobKind.REENCRYPTION_RANGE: Watched("reencryption.failed", "Re-encryption", Severity.MEDIUM),
}
"""Plans and probes are left out: whoever asks for one waits for the answer."""


def is_watched(kind: str) -> bool:
    """Say whether the end of such a job has to do with alerts."""
    return kind in WATCHED


def note_end(session: Session, job: Job, expected_seconds: Mapping[str, float]) -> None:
    """Open what a job that just ended is to be alerted about, and clear what its success puts right.

    `expected_seconds` says how long a backup of a source should take; over twice that is a delay.
    """
    if not is_watched(job.kind) or job.finished_at is None:
        return
    if job.state in LOST:
        open_alert(session, _failure(job))
    elif job.state is JobState.SUCCEEDED:
        cause = WATCHED[JobKind(job.kind)].cause
        clear_alerts(
            session,
            cause=cause,
            source=job.source,
            region=_region(job),
            now=job.finished_at,
            note=f"Job {job.id} succeeded.",
        )
        if job.kind == JobKind.BACKUP_RUN:
            _note_duration(session, job, expected_seconds)


def _failure(job: Job) -> AlertReport:
    watched, error = WATCHED[JobKind(job.kind)], job.last_error or {}
    where = f" in {region}" if (region := _region(job)) else ""
    reason = f"{error.get('message', '')} {error.get('next_step', '')}".strip()
    return AlertReport(
        type=AlertType.FAILURE,
        severity=watched.severity,
        cause=watched.cause,
        message=f"{watched.name} failed: {job.source or job.kind}{where}",
        next_step=f"{reason[:850]} See: strongroom jobs show {job.id}".strip(),
        at=_ended(job),
        source=job.source,
        region=_region(job),
        backup_id=job.id if job.kind == JobKind.BACKUP_RUN else None,
        job_id=job.id,
        trace_id=job.trace_id,
    )


def _note_duration(session: Session, job: Job, expected_seconds: Mapping[str, float]) -> None:
    expected = expected_seconds.get(job.source or "")
    if expected is None or job.started_at is None:
        return
    took, ended = _ended(job) - job.started_at, _ended(job)
    if took <= timedelta(seconds=TIMES_EXPECTED * expected):
        clear_alerts(session, cause=SLOW, source=job.source, now=ended, note=f"Job {job.id} was in time.")
        return
    report = AlertReport(
        type=AlertType.DELAY,
        severity=Severity.HIGH,
        cause=SLOW,
        message=f"Backup took longer than expected: {job.source}",
        next_step=f"It took {took.total_seconds():.0f} s, expected were {expected:.0f} s. See what slows it down, or "
        f"raise `expected_seconds` of the source. See: strongroom jobs show {job.id}",
        at=ended,
        source=job.source,
        backup_id=job.id,
        job_id=job.id,
        trace_id=job.trace_id,
    )
    open_alert(session, report)


def _ended(job: Job) -> datetime:
    if job.finished_at is None:
        raise ValueError("the job has not ended")
    return job.finished_at


def _region(job: Job) -> str | None:
    # A backup names no region of its own, and a restore or a drill may read from another each time.
    named = job.args.get("region") if job.kind not in ANYWHERE else None
    return None if named is None else str(named)
