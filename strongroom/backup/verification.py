"""The job that checks one region's copy of a backup, and what follows when it is damaged."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.recording import mark_damaged
from strongroom.catalog.backup_queries import get_backup
from strongroom.catalog.backups import Verification, VerificationLevel
from strongroom.errors import IntegrityError, NotFoundError, StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.jobs.progress import JobProgress
from strongroom.repository.check import check_data
from strongroom.repository.layout import PACKS, commit_key
from strongroom.repository.reader import BackupReader
from strongroom.repository.replica import ObjectRef, replica_objects
from strongroom.services import Services
from strongroom.storage.store import Evidence, Store

MOST_DAMAGE = 1000


@dataclass(slots=True)
class Findings:
    """What a verification has seen: objects, bytes, the weakest evidence, and the damage."""

    objects: int = 0
    bytes: int = 0
    evidence: Evidence = Evidence.CHECKSUM
    damage: list[dict[str, str]] = field(default_factory=list)

    def blame(self, key: str, error: StrongroomError) -> None:
        """Add an object that is missing or wrong."""
        self.damage.append({"key": key, "code": error.code, "message": error.what})


def run_verification(services: Services, context: JobContext) -> dict[str, Any]:
    """Check the copy that a job names; damage is the result of the check, not a failure of the job."""
    backup_id, region = uuid.UUID(context.args["backup"]), context.args["region"]
    with services.catalog.read() as session:
        source = get_backup(session, backup_id).source
    check = _check_data if context.args["level"] == VerificationLevel.DATA else _check_presence
    findings = Findings()
    try:
        check(services, context, source, findings)
    except (IntegrityError, NotFoundError) as error:
        findings.blame(commit_key(source, backup_id), error)
    return context.step("verified", lambda session: _record(session, services, context, region, findings)) or {}


def _check_presence(services: Services, context: JobContext, source: str, findings: Findings) -> None:
    _confirm_all(services, context, _objects(services, context, source), findings)


def _confirm_all(services: Services, context: JobContext, refs: list[ObjectRef], findings: Findings) -> None:
    store = services.stores[context.args["region"]]
    for ref in refs:
        context.check()
        _confirm(store, ref, findings)
        context.report(
            JobProgress(phase="confirming", done_bytes=findings.bytes, total_bytes=_size(refs), files=findings.objects)
        )


def _objects(services: Services, context: JobContext, source: str) -> list[ObjectRef]:
    region = context.args["region"]
    backup_id = uuid.UUID(context.args["backup"])
    return replica_objects(
        services.open_repository(), services.stores[region], services.keks[region], source, backup_id
    )


def _size(refs: list[ObjectRef]) -> int:
    return sum(ref.size for ref in refs)


def _confirm(store: Store, ref: ObjectRef, findings: Findings) -> None:
    findings.objects += 1
    findings.bytes += ref.size
    try:
        findings.evidence = findings.evidence.weaker(store.confirm(ref.key, size=ref.size, sha256=ref.sha256))
    except (IntegrityError, NotFoundError) as error:
        findings.blame(ref.key, error)


def _check_data(services: Services, context: JobContext, source: str, findings: Findings) -> None:
    region = context.args["region"]
    # Reading proves the packs, but not what this region's key has no use for, such as the other regions' key slots.
    others = [ref for ref in _objects(services, context, source) if not ref.key.startswith(PACKS)]
    _confirm_all(services, context, others, findings)
    reader = BackupReader(
        services.open_repository(),
        services.stores[region],
        services.keks[region],
        source,
        uuid.UUID(context.args["backup"]),
    )

    def report(done_bytes: int, total_bytes: int) -> None:
        context.check()
        context.report(JobProgress(phase="reading", done_bytes=done_bytes, total_bytes=total_bytes, files=0))

    found = check_data(reader, on_progress=report)
    findings.evidence = Evidence.READ_BACK
    findings.objects += found.objects
    findings.bytes += found.bytes
    findings.damage.extend({"key": d.key, "code": d.code, "message": d.message} for d in found.damage)


def _record(
    session: Session, services: Services, context: JobContext, region: str, findings: Findings
) -> dict[str, Any]:
    now = services.clock.now()
    verification = session.get_one(Verification, context.job_id)
    verification.passed = not findings.damage
    verification.finished_at = now
    verification.evidence = findings.evidence
    verification.objects, verification.bytes = findings.objects, findings.bytes
    verification.damage = findings.damage[:MOST_DAMAGE]
    if findings.damage:
        mark_damaged(session, verification.backup_id, region, now)
    return {
        "passed": verification.passed,
        "region": region,
        "objects": findings.objects,
        "bytes": findings.bytes,
        "evidence": findings.evidence.value,
        "damage": findings.damage[:20],
    }
