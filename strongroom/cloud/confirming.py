"""Looking whether AWS still holds what the catalog calls present: hourly for all, or for one backup when asked."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.copies import report_damage
from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.backup_queries import get_backup
from strongroom.catalog.backups import Backup, BackupState, Medium, Replica, ReplicaState, Verification
from strongroom.cloud.places import AwsPlaces, service_of
from strongroom.cloud.snapshots import CloudSnapshot, SnapshotState
from strongroom.errors import StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.services import Services

log = logging.getLogger(__name__)

UNCONFIRMED = "snapshot.unconfirmed"
MISSING = "cloud.copy_missing"
EVIDENCE = "provider"
"""What AWS says of a snapshot is all there is to go by."""


@dataclass(frozen=True, slots=True)
class ConfirmationReport:
    """How many copies were looked for, how many are gone, and the regions that did not answer."""

    copies: int = 0
    missing: int = 0
    silent: tuple[str, ...] = ()


def confirm_all(services: Services) -> ConfirmationReport:
    """Look for every snapshot that should be there; what is gone is wanted again, and alerted of."""
    places, copies, missing, silent = AwsPlaces(services.settings), 0, 0, []
    for region, backups in _expected(services).items():
        try:
            lost = _lost(places, region, backups)
        except StrongroomError as error:
            log.warning("snapshots in %s are not confirmed: %s", region, error)
            silent.append(region)
            _alert(services, region, error)
            continue
        copies += len(backups)
        missing += len(lost)
        _note(services, region, lost)
    return ConfirmationReport(copies, missing, tuple(silent))


def run_verification(services: Services, context: JobContext) -> dict[str, Any]:
    """Look for the snapshots of the copy that a job names; damage is the result of the look, not its failure."""
    backup_id, region = uuid.UUID(context.args["backup"]), context.args["region"]
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
    damage = damage_of(AwsPlaces(services.settings), backup, region)
    return context.step("verified", lambda session: _record(session, services, context, region, damage)) or {}


def damage_of(places: AwsPlaces, backup: Backup, region: str) -> list[dict[str, str]]:
    """Return what is wrong with a region's copies of a backup, nothing where each part is there whole and encrypted."""
    found = service_of(backup.source_kind, backup.facts).find(places.client(region), backup.id)
    return _damage(backup, found)


def _damage(backup: Backup, found: Sequence[CloudSnapshot]) -> list[dict[str, str]]:
    wrong = {part["name"]: _fault_of(part["name"], found) for part in backup.facts["parts"]}
    return [{"key": name, "code": MISSING, "message": fault} for name, fault in wrong.items() if fault is not None]


def _lost(places: AwsPlaces, region: str, backups: Sequence[Backup]) -> list[Backup]:
    """Return the backups that one listing of the region lacks, and a look at each of them as well."""
    listings: dict[tuple[str, bool], Mapping[uuid.UUID, Sequence[CloudSnapshot]]] = {}
    lost = []
    for backup in backups:
        keeper = backup.source_kind, bool(backup.facts.get("cluster"))
        if keeper not in listings:
            listings[keeper] = service_of(backup.source_kind, backup.facts).find_all(places.client(region))
        if _damage(backup, listings[keeper].get(backup.id, [])) and damage_of(places, backup, region):
            lost.append(backup)
    return lost


def _fault_of(part: str, found: Sequence[CloudSnapshot]) -> str | None:
    copies = [snapshot for snapshot in found if snapshot.part == part]
    if any(copy.encrypted and copy.state is SnapshotState.READY for copy in copies):
        return None
    words = ", ".join(f"{copy.id} is {copy.state}" + ("" if copy.encrypted else ", not encrypted") for copy in copies)
    return f"There is no whole snapshot of {part} ({words or 'none at all'})."


def _expected(services: Services) -> Mapping[str, list[Backup]]:
    query = (
        select(Replica.region, Backup)
        .join(Backup, Backup.id == Replica.backup_id)
        .where(Backup.medium == Medium.SNAPSHOT, Backup.state == BackupState.COMMITTED)
        .where(Replica.state == ReplicaState.PRESENT)
        .order_by(Backup.created_at)
    )
    expected: dict[str, list[Backup]] = {}
    with services.catalog.read() as session:
        for region, backup in session.execute(query):
            expected.setdefault(region, []).append(backup)
    return expected


def _note(services: Services, region: str, lost: Sequence[Backup]) -> None:
    with services.catalog.begin() as session:
        now = services.clock.now()
        clear_alerts(session, cause=UNCONFIRMED, region=region, now=now, note="AWS answers again.")
        for backup in lost:
            _mark_damaged(session, services, backup.id, region)


def _alert(services: Services, region: str, error: StrongroomError) -> None:
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.HIGH,
        cause=UNCONFIRMED,
        message=f"Snapshots not confirmed: {region}",
        next_step=str(error),
        at=services.clock.now(),
        region=region,
    )
    with services.catalog.begin() as session:
        open_alert(session, report)


def _mark_damaged(session: Session, services: Services, backup_id: uuid.UUID, region: str) -> None:
    now = services.clock.now()
    backup = session.get_one(Backup, backup_id, with_for_update=True)
    replica = session.get(Replica, (backup_id, region))
    # Between the look and now it may have been retired, which is why it is gone.
    if backup.state is BackupState.COMMITTED and replica is not None:
        replica.state, replica.updated_at = ReplicaState.DAMAGED, now
        backup.protected_at = None
        report_damage(session, backup, region, now)


def _record(
    session: Session, services: Services, context: JobContext, region: str, damage: list[dict[str, str]]
) -> dict[str, Any]:
    verification = session.get_one(Verification, context.job_id)
    backup = session.get_one(Backup, verification.backup_id)
    verification.passed, verification.finished_at = not damage, services.clock.now()
    verification.objects, verification.bytes, verification.damage = backup.objects, backup.source_bytes, damage
    verification.evidence = EVIDENCE
    if damage:
        _mark_damaged(session, services, backup.id, region)
    return {
        "passed": not damage,
        "region": region,
        "objects": backup.objects,
        "bytes": backup.source_bytes,
        "evidence": EVIDENCE,
        "damage": damage,
    }
