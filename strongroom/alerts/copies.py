"""Alerts about the copies of backups and the regions they are in."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState

DAMAGE = "verify.damage"
REGION_DOWN = "region.down"


def report_damage(session: Session, backup: Backup, region: str, now: datetime) -> None:
    """Alert that a region's copy of a backup is not what was written, in the caller's transaction."""
    report = AlertReport(
        type=AlertType.INTEGRITY,
        severity=Severity.CRITICAL,
        cause=DAMAGE,
        message=f"Backup damaged: {backup.source} in {region}",
        next_step=f"It is mended from another region by itself. If this stays open: strongroom repair {region} --apply",
        at=now,
        source=backup.source,
        region=region,
        backup_id=backup.id,
        trace_id=backup.trace_id,
    )
    open_alert(session, report)


def clear_damage(session: Session, backup: Backup, region: str, now: datetime) -> None:
    """Clear the alert once no copy of the source in the region is damaged, in the transaction that mended the last."""
    damaged = select(Replica.backup_id).join(Backup, Backup.id == Replica.backup_id)
    damaged = damaged.where(Backup.source == backup.source, Backup.state == BackupState.COMMITTED)
    damaged = damaged.where(Replica.region == region, Replica.state == ReplicaState.DAMAGED)
    session.flush()
    if not session.scalar(select(exists(damaged))):
        note = "Every copy of it there is whole again."
        clear_alerts(session, cause=DAMAGE, source=backup.source, region=region, now=now, note=note)


def report_region(session: Session, region: str, fault: str | None, now: datetime) -> None:
    """Alert that a region cannot be relied on, or clear that where there is no fault, in the caller's transaction."""
    if fault is None:
        clear_alerts(session, cause=REGION_DOWN, region=region, now=now, note="The region answers again.")
        return
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.CRITICAL,
        cause=REGION_DOWN,
        message=f"Region cannot be relied on: {region}",
        next_step=f"{fault} Copies wait and are made when it is back. See: strongroom regions check",
        at=now,
        region=region,
    )
    open_alert(session, report)
