"""Asking for drills: one by a person, or the one that is due."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from strongroom.backup.errors import BackupNotCommittedError
from strongroom.backup.lookup import resolve_backup, verify_committed
from strongroom.backup.requests import dedupe_key_of
from strongroom.catalog.backups import Backup
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.drills import Drill, DrillState, find_newest_protected
from strongroom.drills.errors import NotDrillableError, NothingToDrillError
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.services import Services
from strongroom.settings.drills import drill_settings_of


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """A drill somebody asks for; no backup means the newest protected one, no region one that is drawn."""

    source: str
    trace_id: str
    backup: str | None = None
    region: str | None = None
    idempotency_key: str | None = None
    deadline_seconds: float | None = None


def request_drill(services: Services, request: DrillRequest) -> Drill:
    """Queue a drill; raises UnknownSourceError, UnknownRegionError, NothingToDrillError and resolve_backup's."""
    with services.catalog.begin() as session:
        return enqueue_drill(services, session, request, dedupe_key_of(request.idempotency_key))


def enqueue_drill(services: Services, session: Session, request: DrillRequest, dedupe_key: str | None) -> Drill:
    """Write the drill and its job in the caller's transaction; raises as `request_drill`."""
    source = services.settings.get_source(request.source)
    if drill_settings_of(source) is None:
        raise NotDrillableError(
            f"Source {source.name!r} ({source.kind}) has snapshots, which a drill cannot restore.",
            next_step="Drill a source whose backups are in the regions.",
        )
    if request.region is not None:
        services.settings.get_region(request.region)
    backup = _wanted(session, request)
    if backup is None and find_newest_protected(session, source.name) is None:
        raise NothingToDrillError(
            f"There is no protected backup of {source.name!r}.",
            next_step=f"Make one, and wait for its copies: strongroom backup run {source.name}",
        )
    backup_id = None if backup is None else str(backup.id)
    wanted = JobRequest(
        JobKind.DRILL_RUN,
        {"source": source.name, "backup": backup_id, "region": request.region},
        request.trace_id,
        dedupe_key,
        # Two at once would need the room of both, measure each other, and leave no worker for a restore in earnest.
        exclusion="drill",
        deadline_seconds=request.deadline_seconds,
    )
    job = services.ledger.enqueue(session, wanted)
    return session.get(Drill, job.id) or _new(session, job.id, request, backup)


def _wanted(session: Session, request: DrillRequest) -> Backup | None:
    if request.backup is None:
        return None
    backup = resolve_backup(session, request.backup)
    verify_committed(backup)
    if backup.source != request.source:
        raise BackupNotCommittedError(
            f"Backup {backup.id} is one of {backup.source}, not of {request.source}.",
            next_step=f"Name the source with its own backup: strongroom drill run {backup.source}",
        )
    return backup


def _new(session: Session, drill_id: uuid.UUID, request: DrillRequest, backup: Backup | None) -> Drill:
    drill = Drill(
        id=drill_id,
        source=request.source,
        backup_id=None if backup is None else backup.id,
        region=request.region,
        state=DrillState.OPEN,
        created_at=utcnow(),
    )
    session.add(drill)
    session.flush()
    session.refresh(drill)
    return drill
