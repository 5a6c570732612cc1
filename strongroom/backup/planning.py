"""What a restore would do, decided before anything is written."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from strongroom.backup.browsing import measure, open_backup
from strongroom.backup.cloud_targets import VolumeTargetRequest, verify_parts
from strongroom.backup.database_wish import DatabaseWish, verify_databases
from strongroom.backup.errors import RegionWithoutReplicaError
from strongroom.backup.lookup import resolve_backup, verify_committed
from strongroom.backup.restore_requests import RestoreRequest
from strongroom.backup.selection import parse_selection, verify_selection
from strongroom.backup.target_survey import TargetSurvey, survey_target
from strongroom.backup.targets import TargetRequest, parse_target, verify_target
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import Backup, Medium
from strongroom.jobs.context import JobContext
from strongroom.services import Services
from strongroom.settings import Settings


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A restore in figures; `bytes` is what will be written, `warnings` what the restored copy will lack.

    `found` is what the target shows now.
    """

    backup_id: uuid.UUID
    source: str
    source_kind: str
    created_at: datetime
    region: str
    target: dict[str, str]
    overwrite: bool
    selection: dict[str, list[str]]
    files: int
    bytes: int
    packs: int
    warnings: tuple[str, ...]
    found: TargetSurvey


def plan_restore(services: Services, request: RestoreRequest) -> RestorePlan:
    """Open the backup in the region a restore would read and say what it would do; writes nothing."""
    with services.catalog.read() as session:
        backup = resolve_backup(session, request.backup)
        verify_committed(backup)
        verify_target(services.settings, request.target, backup.source_kind)
        verify_selection(request.selection, backup.source_kind)
        verify_databases(request.databases, request.target, backup.facts)
        verify_parts(request.target, backup.facts)
        present = [replica.region for replica in list_replicas(session, backup.id) if replica.state == "present"]
    if backup.medium is Medium.SNAPSHOT:
        return _of_snapshots(services.settings, backup, request, present)
    reader = open_backup(services, backup.id, request.region)
    amount = measure(reader, request.selection)
    region = reader.store.region
    return RestorePlan(
        backup_id=backup.id,
        source=backup.source,
        source_kind=backup.source_kind,
        created_at=backup.created_at,
        region=region,
        target=request.target.as_args(),
        overwrite=request.overwrite,
        selection=request.selection.as_args(),
        files=amount.files,
        bytes=amount.bytes,
        packs=amount.packs,
        warnings=_warnings(backup, region),
        found=survey_target(services, reader, request, amount.bytes),
    )


def _of_snapshots(settings: Settings, backup: Backup, request: RestoreRequest, present: list[str]) -> RestorePlan:
    """Say what the catalog knows: whether AWS still has the snapshots is seen by confirming them."""
    region = request.region or next(iter(_nearest(settings, backup, request.target, present)), "of that zone")
    if region not in present:
        raise RegionWithoutReplicaError(
            f"Region {region} has no whole copy of backup {backup.id}.",
            next_step=f"Choose one of: {', '.join(present) or 'none yet'}.",
        )
    return RestorePlan(
        backup_id=backup.id,
        source=backup.source,
        source_kind=backup.source_kind,
        created_at=backup.created_at,
        region=region,
        target=request.target.as_args(),
        overwrite=False,
        selection=request.selection.as_args(),
        files=0,
        bytes=backup.source_bytes,
        packs=backup.objects,
        warnings=_warnings(backup, region),
        found=TargetSurvey(None, (), ()),
    )


def _nearest(settings: Settings, backup: Backup, target: TargetRequest, present: list[str]) -> Iterator[str]:
    """Yield the regions that hold the snapshots and are where the target is to be."""
    for name in backup.regions:
        aws = settings.get_region(name).aws
        place = name if aws is None or aws.region is None else aws.region
        if name in present and not (isinstance(target, VolumeTargetRequest) and not target.zone.startswith(place)):
            yield name


def run_plan(services: Services, context: JobContext) -> dict[str, Any]:
    """Say what the restore a job names would do, as the machine sees it that would do it."""
    args = context.args
    request = RestoreRequest(
        backup=args["backup"],
        region=args["region"],
        target=parse_target(args["target"]),
        overwrite=args["overwrite"],
        confirm=None,
        idempotency_key=None,
        trace_id=context.trace_id,
        selection=parse_selection(args["selection"]),
        databases=DatabaseWish.from_args(args["databases"]) if "databases" in args else None,
    )
    found: dict[str, Any] = msgspec.to_builtins(plan_restore(services, request))
    return found


def _warnings(backup: Backup, region: str) -> tuple[str, ...]:
    warnings = []
    if backup.partial:
        warnings.append(f"the backup is partial: {backup.problem_count} entries of the source are not in it")
    if backup.protected_at is None:
        warnings.append("the backup is not in every region its policy asks for")
    if region != backup.regions[0]:
        warnings.append(f"reading from {region}, not from the home region {backup.regions[0]}")
    return tuple(warnings)
