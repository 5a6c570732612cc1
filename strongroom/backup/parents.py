"""What a backup stands upon: its parent, chosen and pinned in the catalog, and what its own dead sessions stored."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.kinds import LastBackups, RequestedKind, plan_kind
from strongroom.catalog.backup_queries import (
    find_latest_committed,
    list_newest_committed,
    list_sessions,
    lock_as_parent,
)
from strongroom.catalog.backups import Backup, BackupKind
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.context import JobContext
from strongroom.repository.baseline import Baseline, Trust
from strongroom.repository.reference import Reference, open_parent
from strongroom.repository.resuming import find_predecessors
from strongroom.repository.session import BackupIdentity
from strongroom.repository.writer import BackupWriter
from strongroom.services import Services
from strongroom.settings import SourceSettings
from strongroom.settings.sources import FilesSourceSettings

MOST_CANDIDATES = 3

Ground = tuple[BackupKind, uuid.UUID | None]
"""A kind of backup and the parent it stands upon; a full one has none."""


def choose_ground(session: Session, source: SourceSettings, wanted: RequestedKind, now: datetime) -> Ground:
    """Decide kind and parent of a new backup, and hold the parent until the transaction ends."""
    kind = plan_kind(source, wanted, _last_backups(session, source.name), now)
    return next(_grounds(session, source.name, kind))


def open_baseline(services: Services, context: JobContext, writer: BackupWriter, source: SourceSettings) -> Baseline:
    """Store the writer's session marker, which pins the parent's packs, then look what is there of the parent.

    A parent that is damaged, or opens with no key at hand, is replaced by an older one or by none: a backup that costs
    more is better than none. Raises UnavailableError while the region does not answer.
    """
    warnings: list[str] = []
    references: list[Reference] = []
    writer.begin()
    sessions = earlier_sessions(services, writer.identity)
    while writer.identity.parent_id is not None:
        try:
            references.append(_open(services, writer, writer.identity.parent_id))
            break
        except UnavailableError:
            raise
        except StrongroomError as error:
            warnings.append(f"Backup {writer.identity.parent_id} cannot be a parent ({error.code}).")
        kind, parent_id = _next_ground(services, context, writer, len(warnings))
        writer.stand_upon(kind.value, parent_id)
    kek = services.keks[writer.store.region]
    predecessors = find_predecessors(writer.repository, writer.store, kek, writer.identity, sessions)
    return Baseline(
        writer.store,
        writer.repository.repo_id,
        [*predecessors, *references],
        trust=trust_of(source, force_read=bool(context.args.get("force_read"))),
        warnings=warnings,
    )


def earlier_sessions(services: Services, identity: BackupIdentity) -> list[uuid.UUID]:
    """Return the sessions of earlier attempts at the same backup, newest first."""
    with services.catalog.read() as session:
        return [one for one in list_sessions(session, identity.backup_id) if one != identity.session_id]


def trust_of(source: SourceSettings, *, force_read: bool) -> Trust:
    """Return when a file of the source counts as unchanged."""
    ignore_ctime = isinstance(source, FilesSourceSettings) and source.ignore_ctime
    return Trust(ignore_ctime=ignore_ctime, force_read=force_read)


def _open(services: Services, writer: BackupWriter, parent_id: uuid.UUID) -> Reference:
    kek = services.keks[writer.store.region]
    return open_parent(writer.repository, writer.store, kek, writer.identity.source, parent_id)


def _last_backups(session: Session, source: str) -> LastBackups:
    full = find_latest_committed(session, source, BackupKind.FULL)
    differential = find_latest_committed(session, source, BackupKind.DIFFERENTIAL)
    newest = find_latest_committed(session, source)
    return LastBackups(*(None if one is None else one.created_at for one in (full, differential, newest)))


def _grounds(session: Session, source: str, kind: BackupKind) -> Iterator[Ground]:
    """Yield what a backup of this kind can stand upon, the best first; the last is nothing, as a full backup does."""
    if kind is not BackupKind.FULL:
        of_kind = BackupKind.FULL if kind is BackupKind.DIFFERENTIAL else None
        for parent in list_newest_committed(session, source, of_kind, limit=MOST_CANDIDATES):
            if lock_as_parent(session, parent.id):
                yield kind, parent.id
    yield BackupKind.FULL, None


def _next_ground(services: Services, context: JobContext, writer: BackupWriter, refused: int) -> Ground:
    """Pin the next best parent in the catalog."""
    kind = BackupKind(writer.identity.kind)

    def effect(session: Session) -> dict[str, Any]:
        grounds = list(_grounds(session, writer.identity.source, kind))
        backup = session.get_one(Backup, context.job_id)
        backup.kind, backup.parent_id = grounds[min(refused, len(grounds) - 1)]
        return {"kind": backup.kind.value, "parent": None if backup.parent_id is None else str(backup.parent_id)}

    pinned = context.step(f"parent:{context.attempt}:{refused}", effect) or {}
    return BackupKind(pinned["kind"]), None if pinned["parent"] is None else uuid.UUID(pinned["parent"])
