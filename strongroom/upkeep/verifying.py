"""The job that checks everything a region should hold, how deep it looks, and when it is asked for by itself."""

import math
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.recording import mark_damaged
from strongroom.backup.requests import dedupe_key_of
from strongroom.catalog.backups import Backup, BackupState
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.region_verifications import (
    RegionLevel,
    RegionVerification,
    list_copies,
    sum_packs,
)
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.repository.access import open_repository
from strongroom.services import Services
from strongroom.upkeep.held import Findings, Held
from strongroom.upkeep.presence import PresenceCheck
from strongroom.upkeep.reading import PackReader, PackSurvey, Portion

MOST_DAMAGE = 1000
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class RegionVerificationRequest:
    """A check of a whole region somebody asks for."""

    region: str
    level: RegionLevel
    idempotency_key: str | None
    trace_id: str
    deadline_seconds: float | None = None


def request_region_verification(services: Services, request: RegionVerificationRequest) -> RegionVerification:
    """Queue a check of everything a region holds; raises UnknownRegionError, IdempotencyConflictError."""
    return _request(services, request, dedupe_key_of(request.idempotency_key))


def request_nightly(services: Services) -> list[RegionVerification]:
    """Queue for every region what is due once a day: whether all is there, and a portion to be read.

    A second call on a day changes nothing. Each region has jobs of its own, so that one which is away keeps no other.
    """
    today = services.clock.now().date().isoformat()
    return [
        _request(
            services,
            RegionVerificationRequest(region, level, None, services.random(16).hex()),
            f"verify:{region}:{level}:{today}",
        )
        for region in services.stores
        for level in (RegionLevel.PRESENCE, RegionLevel.SAMPLE)
    ]


def run_region_verification(services: Services, context: JobContext) -> dict[str, Any]:
    """Check the region a job names; damage is the result of the check, not a failure of the job.

    Raises WrongKeyError where the region's key does not open the repository, which says nothing about the backups.
    """
    earlier = context.cursor or {}
    findings = Findings(objects=int(earlier.get("objects", 0)), bytes=int(earlier.get("bytes", 0)))
    held = _open(services, context, findings)
    if context.args["level"] == RegionLevel.PRESENCE:
        PresenceCheck(held).run()
    else:
        _read_back(services, context, held)
    return context.step("verified", lambda session: _record(session, services, context, findings)) or {}


def _request(services: Services, request: RegionVerificationRequest, dedupe_key: str | None) -> RegionVerification:
    services.settings.get_region(request.region)
    args = {"region": request.region, "level": request.level.value}
    wanted = JobRequest(
        JobKind.REGION_VERIFICATION,
        args,
        request.trace_id,
        dedupe_key=dedupe_key,
        # Two at once would read the same packs.
        exclusion=f"verify:{request.region}",
        deadline_seconds=request.deadline_seconds,
    )
    with services.catalog.begin() as session:
        job = services.ledger.enqueue(session, wanted)
        return session.get(RegionVerification, job.id) or _new(session, job.id, request)


def _new(session: Session, job_id: uuid.UUID, request: RegionVerificationRequest) -> RegionVerification:
    verification = RegionVerification(id=job_id, region=request.region, level=request.level, created_at=utcnow())
    session.add(verification)
    session.flush()
    session.refresh(verification)
    return verification


def _open(services: Services, context: JobContext, findings: Findings) -> Held:
    region = context.args["region"]
    store, kek = services.stores[region], services.keks[region]
    with services.catalog.read() as session:
        copies = list_copies(session, region)
    return Held(open_repository(store, kek), store, kek, copies, context, findings)


def _read_back(services: Services, context: JobContext, held: Held) -> None:
    with services.catalog.read() as session:
        begun = session.get_one(RegionVerification, context.job_id).created_at
    survey = PackSurvey(held, services.catalog, begun)
    survey.run()
    spent = held.findings.bytes
    if context.args["level"] == RegionLevel.DATA:
        portion = Portion(begun, begun, math.inf, math.inf, spent)
    else:
        portion = _portion_of_a_day(services, context.args["region"], begun, spent)
    threads = services.settings.repository.workers
    PackReader(held, survey, services.catalog, services.clock, threads=threads).run(portion)


def _portion_of_a_day(services: Services, region: str, begun: datetime, spent: int) -> Portion:
    """Return a day's part of all bytes, and whatever would be overdue tomorrow."""
    settings = services.settings.verification
    with services.catalog.read() as session:
        total = sum_packs(session, region)
    most = math.inf if settings.most_gib_per_day is None else settings.most_gib_per_day * GIB
    overdue = begun - timedelta(days=settings.read_every_days - 1)
    return Portion(begun, overdue, total / settings.read_every_days, most, spent)


def _record(session: Session, services: Services, context: JobContext, findings: Findings) -> dict[str, Any]:
    now, region = services.clock.now(), context.args["region"]
    # What was retired meanwhile need not be there any more.
    live = {found: _is_live(session, found) for found in {backup_id for backup_id, _ in findings.damage}}
    damage = [found for backup_id, found in findings.damage if live[backup_id]]
    damaged = [backup_id for backup_id, is_live in live.items() if is_live]
    for backup_id in sorted(damaged):
        mark_damaged(session, backup_id, region, now)
    verification = session.get_one(RegionVerification, context.job_id)
    verification.passed, verification.finished_at = not damage, now
    verification.evidence = findings.evidence
    verification.backups, verification.damaged_backups = findings.backups, len(damaged)
    verification.objects, verification.bytes = findings.objects, findings.bytes
    verification.damage = damage[:MOST_DAMAGE]
    return {
        "passed": not damage,
        "region": region,
        "level": verification.level.value,
        "backups": findings.backups,
        "objects": findings.objects,
        "bytes": findings.bytes,
        "evidence": findings.evidence.value,
        "damaged_backups": len(damaged),
        "damage": damage[:20],
    }


def _is_live(session: Session, backup_id: uuid.UUID) -> bool:
    return session.get_one(Backup, backup_id).state is BackupState.COMMITTED
