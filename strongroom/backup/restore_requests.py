"""Requests for restores, and for a look at what one would do: checked, then written to the ledger."""

import uuid
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from strongroom.backup.cloud_targets import verify_parts
from strongroom.backup.database_wish import DatabaseWish, verify_databases
from strongroom.backup.requests import dedupe_key_of, get_readable, medium_of
from strongroom.backup.selection import EVERYTHING, Selection, verify_selection
from strongroom.backup.targets import TargetRequest, verify_overwrite, verify_target
from strongroom.catalog.backups import Restore
from strongroom.catalog.jobs import Job
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.services import Services


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
    selection: Selection = EVERYTHING
    deadline_seconds: float | None = None
    databases: DatabaseWish | None = None


def request_restore(services: Services, request: RestoreRequest) -> Restore:
    """Queue a restore; raises what resolve_backup, verify_target and verify_overwrite raise."""
    verify_overwrite(request.target, overwrite=request.overwrite, confirm=request.confirm)
    with services.catalog.begin() as session:
        job = services.ledger.enqueue(session, _restore_job(services, session, request))
        return session.get(Restore, job.id) or _new_restore(session, job, request)


def request_plan(services: Services, request: RestoreRequest) -> Job:
    """Queue a look at what a restore would do, where it would run; raises what request_restore raises of the target."""
    with services.catalog.begin() as session:
        restore = _restore_job(services, session, request)
        # It writes nothing, so it need not wait for a restore into the same target.
        return services.ledger.enqueue(session, replace(restore, kind=JobKind.RESTORE_PLAN, exclusion=None))


def _restore_job(services: Services, session: Session, request: RestoreRequest) -> JobRequest:
    backup = get_readable(services.settings, session, request.backup, request.region)
    verify_target(services.settings, request.target, backup.source_kind)
    verify_parts(request.target, backup.facts)
    verify_selection(request.selection, backup.source_kind)
    verify_databases(request.databases, request.target, backup.facts)
    args = {
        "backup": str(backup.id),
        "region": request.region,
        "target": request.target.as_args(),
        "overwrite": request.overwrite,
        "selection": request.selection.as_args(),
    } | medium_of(backup)
    if request.databases is not None:
        args["databases"] = request.databases.as_args()
    return JobRequest(
        JobKind.RESTORE_RUN,
        args,
        request.trace_id,
        dedupe_key_of(request.idempotency_key),
        source=backup.source,
        exclusion=request.target.exclusion,
        deadline_seconds=request.deadline_seconds,
    )


def _new_restore(session: Session, job: Job, request: RestoreRequest) -> Restore:
    restore = Restore(
        id=job.id,
        backup_id=uuid.UUID(job.args["backup"]),
        region=request.region,
        target=request.target.as_args(),
        created_at=job.created_at,
    )
    session.add(restore)
    return restore
