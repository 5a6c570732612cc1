"""Requests: checked, then written to the ledger in one transaction; whoever asked publishes afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.errors import KindNotOfferedError
from strongroom.backup.lookup import resolve_backup, verify_committed
from strongroom.backup.targets import TargetRequest, verify_overwrite, verify_target
from strongroom.catalog.backups import Backup, BackupKind, Restore, Verification, VerificationLevel
from strongroom.catalog.jobs import Job
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """A backup somebody asks for; the same idempotency key always means the same job."""

    source: str
    kind: BackupKind
    idempotency_key: str | None
    trace_id: str


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """A restore somebody asks for; `backup` is an id or `latest:SOURCE`, no region means the first that answers."""

    backup: str
    region: str | None
    target: TargetRequest
    overwrite: bool
    confirm: str | None
    idempotency_key: str | None
    trace_id: str


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """A verification somebody asks for; no region means the home region."""

    backup: str
    region: str | None
    level: VerificationLevel
    idempotency_key: str | None
    trace_id: str


def request_backup(services: Services, request: BackupRequest) -> Job:
    """Queue a backup; raises UnknownSourceError, KindNotOfferedError, IdempotencyConflictError."""
    source = services.settings.get_source(request.source)
    if request.kind is not BackupKind.FULL:
        raise KindNotOfferedError(
            f"Source {source.name!r} is backed up in full only, not {request.kind}.", next_step="Ask for --type full."
        )
    args = {"source": source.name, "kind": request.kind.value}
    with services.catalog.begin() as session:
        return services.ledger.enqueue(
            session, _job(JobKind.BACKUP_RUN, args, request.idempotency_key, request.trace_id)
        )


def request_restore(services: Services, request: RestoreRequest) -> Restore:
    """Queue a restore; raises what resolve_backup, verify_target and verify_overwrite raise."""
    verify_overwrite(request.target, overwrite=request.overwrite, confirm=request.confirm)
    with services.catalog.begin() as session:
        backup = _readable(services, session, request.backup, request.region)
        verify_target(services.settings, request.target, backup.source_kind)
        args = {
            "backup": str(backup.id),
            "region": request.region,
            "target": request.target.as_args(),
            "overwrite": request.overwrite,
        }
        job = services.ledger.enqueue(
            session, _job(JobKind.RESTORE_RUN, args, request.idempotency_key, request.trace_id)
        )
        return session.get(Restore, job.id) or _new_restore(session, job, backup, request)


def request_verification(services: Services, request: VerificationRequest) -> Verification:
    """Queue a verification of one region's copy; raises what resolve_backup raises."""
    with services.catalog.begin() as session:
        backup = _readable(services, session, request.backup, request.region)
        region = request.region or backup.regions[0]
        args = {"backup": str(backup.id), "region": region, "level": request.level.value}
        job = services.ledger.enqueue(
            session, _job(JobKind.VERIFICATION_RUN, args, request.idempotency_key, request.trace_id)
        )
        return session.get(Verification, job.id) or _new_verification(session, job, backup, region, request.level)


def _job(kind: JobKind, args: Mapping[str, Any], key: str | None, trace_id: str) -> JobRequest:
    return JobRequest(kind=kind, args=args, dedupe_key=None if key is None else f"request:{key}", trace_id=trace_id)


def _readable(services: Services, session: Session, reference: str, region: str | None) -> Backup:
    if region is not None:
        services.settings.get_region(region)
    backup = resolve_backup(session, reference)
    verify_committed(backup)
    return backup


def _new_restore(session: Session, job: Job, backup: Backup, request: RestoreRequest) -> Restore:
    restore = Restore(
        id=job.id,
        backup_id=backup.id,
        region=request.region,
        target=request.target.as_args(),
        created_at=job.created_at,
    )
    session.add(restore)
    return restore


def _new_verification(
    session: Session, job: Job, backup: Backup, region: str, level: VerificationLevel
) -> Verification:
    verification = Verification(
        id=job.id, backup_id=backup.id, region=region, level=level, passed=None, created_at=job.created_at
    )
    session.add(verification)
    return verification
