"""Routes about backups."""

import uuid

from fastapi import APIRouter, BackgroundTasks, Response

from api.desk import AtDesk, Cursor, IdempotencyKey, Limit
from api.documents import BackupBody, BackupDetailDocument, BackupDocument, JobDocument, PageDocument, ReplicaDocument
from api.tracing import TraceId
from strongroom.backup.requests import request_backup
from strongroom.catalog.backup_queries import get_backup, list_backups, list_replicas
from strongroom.catalog.backups import BackupState

router = APIRouter(prefix="/backups", tags=["backups"])


@router.post("", status_code=202)
def start_backup(
    desk: AtDesk,
    body: BackupBody,
    trace_id: TraceId,
    response: Response,
    background: BackgroundTasks,
    key: IdempotencyKey = None,
) -> JobDocument:
    """Queue a backup of a source."""
    job = request_backup(desk.services, body.with_key(key, trace_id))
    return desk.accept(job, response, background)


@router.get("")
def show_backups(
    desk: AtDesk,
    source: str | None = None,
    state: BackupState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageDocument[BackupDocument]:
    """List backups, newest first."""
    with desk.services.catalog.read() as session:
        page = list_backups(session, source=source, state=state, limit=limit, cursor=cursor)
        return PageDocument.of(page, BackupDocument)


@router.get("/{backup_id}")
def show_backup(desk: AtDesk, backup_id: uuid.UUID) -> BackupDetailDocument:
    """Show a backup with its copies and problems."""
    with desk.services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        replicas = [ReplicaDocument.model_validate(replica) for replica in list_replicas(session, backup_id)]
        summary = BackupDocument.model_validate(backup)
        return BackupDetailDocument(
            **summary.model_dump(), problems=backup.problems, facts=backup.facts, replicas=replicas
        )
