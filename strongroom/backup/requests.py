"""Requests: checked, then written to the ledger in one transaction; whoever asked publishes afterwards."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from strongroom.backup.kinds import RequestedKind, verify_offered
from strongroom.backup.lookup import resolve_backup, verify_committed, verify_in_repository
from strongroom.catalog.backups import Backup, Medium, Verification, VerificationLevel
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.services import Services
from strongroom.settings import SNAPSHOT_KINDS, Settings


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """A backup somebody asks for; the same idempotency key always means the same job."""

    source: str
    kind: RequestedKind
    idempotency_key: str | None
    trace_id: str
    deadline_seconds: float | None = None
    force_read: bool = False
    """Read every file, also those that look unchanged."""


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """A verification somebody asks for; no region means the home region."""

    backup: str
    region: str | None
    level: VerificationLevel
    idempotency_key: str | None
    trace_id: str
    deadline_seconds: float | None = None


def request_backup(services: Services, request: BackupRequest) -> Job:
    """Queue a backup; raises UnknownSourceError, KindNotOfferedError, IdempotencyConflictError."""
    job = plan_backup(services.settings, request)
    with services.catalog.begin() as session:
        return services.ledger.enqueue(session, job)


def plan_backup(settings: Settings, request: BackupRequest) -> JobRequest:
    """Return the job that makes the backup; raises UnknownSourceError, KindNotOfferedError."""
    source = settings.get_source(request.source)
    verify_offered(source, request.kind)
    return JobRequest(
        JobKind.BACKUP_RUN,
        {"source": source.name, "kind": request.kind.value}
        | ({"force_read": True} if request.force_read else {})
        | ({"medium": Medium.SNAPSHOT.value} if source.kind in SNAPSHOT_KINDS else {}),
        request.trace_id,
        dedupe_key_of(request.idempotency_key),
        # One writer a source: two backups at once would read everything twice and call each other changed.
        exclusion=f"source:{source.name}",
        deadline_seconds=request.deadline_seconds,
    )


def request_verification(services: Services, request: VerificationRequest) -> Verification:
    """Queue a verification of one region's copy; raises what resolve_backup raises."""
    with services.catalog.begin() as session:
        planned = plan_verification(services.settings, session, request)
        return planned.record(session, services.ledger.enqueue(session, planned.job).id)


@dataclass(frozen=True, slots=True)
class PlannedVerification:
    """The job of a verification and the row that will hold what it finds."""

    job: JobRequest
    backup_id: uuid.UUID
    region: str
    level: VerificationLevel

    def record(self, session: Session, job_id: uuid.UUID) -> Verification:
        """Return the row of the job, made unless an earlier request made it."""
        return session.get(Verification, job_id) or self._new(session, job_id)

    def _new(self, session: Session, job_id: uuid.UUID) -> Verification:
        verification = Verification(
            id=job_id,
            backup_id=self.backup_id,
            region=self.region,
            level=self.level,
            passed=None,
            created_at=utcnow(),
        )
        session.add(verification)
        return verification


def plan_verification(settings: Settings, session: Session, request: VerificationRequest) -> PlannedVerification:
    """Return the verification as it will be; raises what resolve_backup raises."""
    backup = get_readable(settings, session, request.backup, request.region)
    region = request.region or backup.regions[0]
    if request.level is VerificationLevel.DATA:
        verify_in_repository(backup)
    args = {"backup": str(backup.id), "region": region, "level": request.level.value} | medium_of(backup)
    job = JobRequest(
        JobKind.VERIFICATION_RUN,
        args,
        request.trace_id,
        dedupe_key_of(request.idempotency_key),
        source=backup.source,
        deadline_seconds=request.deadline_seconds,
    )
    return PlannedVerification(job, backup.id, region, request.level)


def medium_of(backup: Backup) -> dict[str, str]:
    """Return the argument that says to a job that the backup is a snapshot, nothing where it is not."""
    return {"medium": backup.medium.value} if backup.medium is Medium.SNAPSHOT else {}


def dedupe_key_of(idempotency_key: str | None) -> str | None:
    """Return the ledger's key for a request's key; keys of ticks begin with other words."""
    return None if idempotency_key is None else f"request:{idempotency_key}"


def get_readable(settings: Settings, session: Session, reference: str, region: str | None) -> Backup:
    """Return a committed backup by id or `latest:SOURCE`; raises UnknownRegionError and what resolve_backup raises."""
    if region is not None:
        settings.get_region(region)
    backup = resolve_backup(session, reference)
    verify_committed(backup)
    return backup
