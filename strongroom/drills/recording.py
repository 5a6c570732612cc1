"""Writing down how a drill ended, and telling whoever has to know: an integrity alert, or the end of one."""

from typing import Any

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.backup.recording import mark_damaged
from strongroom.catalog.backup_queries import get_backup
from strongroom.catalog.backups import Backup
from strongroom.catalog.drills import Drill, DrillState, get_drill
from strongroom.drills.choosing import Choice
from strongroom.drills.findings import Findings
from strongroom.errors import IntegrityError
from strongroom.jobs.context import JobContext
from strongroom.services import Services
from strongroom.storage.errors import ObjectNotFoundError

FAILED = "drill.failed"


def record(services: Services, context: JobContext, choice: Choice, findings: Findings) -> dict[str, Any]:
    """Decide the drill as the job's last step, with its alert in the same transaction; return a summary."""

    def effect(session: Session) -> dict[str, Any]:
        drill = get_drill(session, context.job_id)
        backup = get_backup(session, choice.backup_id)
        _decide(services, drill, backup, findings)
        _tell(session, context, drill, findings)
        if isinstance(findings.failure, (IntegrityError, ObjectNotFoundError)):
            # The next reconcile mends the copy from another region.
            mark_damaged(session, backup.id, choice.region, services.clock.now())
        return _summary(drill, findings)

    return context.step("decided", effect) or {}


def _decide(services: Services, drill: Drill, backup: Backup, findings: Findings) -> None:
    drill.state = DrillState.PASSED if findings.passed else DrillState.FAILED
    drill.finished_at = services.clock.now()
    drill.seconds, drill.bytes = findings.seconds, findings.bytes
    drill.report = _facts_about(backup) | findings.as_json()


def _facts_about(backup: Backup) -> dict[str, Any]:
    return {
        "kind": backup.source_kind,
        "policy": backup.policy,
        "backup_began_at": backup.created_at.isoformat(),
        "backup_committed_at": None if backup.committed_at is None else backup.committed_at.isoformat(),
        "manifest_sha256": backup.manifest_sha256,
    }


def _tell(session: Session, context: JobContext, drill: Drill, findings: Findings) -> None:
    now = drill.finished_at
    if now is None:
        raise AssertionError("a decided drill has ended")
    if findings.passed:
        clear_alerts(
            session,
            cause=FAILED,
            source=drill.source,
            region=drill.region,
            now=now,
            note=f"Drill {drill.id} restored backup {drill.backup_id} from region {drill.region}.",
        )
        return
    report = AlertReport(
        type=AlertType.INTEGRITY,
        severity=Severity.CRITICAL,
        cause=FAILED,
        source=drill.source,
        region=drill.region,
        backup_id=drill.backup_id,
        job_id=drill.id,
        trace_id=context.trace_id,
        message=f"Drill failed: {drill.source} does not restore from region {drill.region}. {findings.fault()}",
        next_step=f"See what differs: strongroom drill show {drill.id}",
        at=now,
    )
    open_alert(session, report)


def _summary(drill: Drill, findings: Findings) -> dict[str, Any]:
    return {
        "passed": findings.passed,
        "source": drill.source,
        "backup": str(drill.backup_id),
        "region": drill.region,
        "seconds": round(findings.seconds, 3),
        "bytes": findings.bytes,
        "fault": findings.fault() or None,
    }
