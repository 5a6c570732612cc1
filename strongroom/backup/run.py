"""The job that makes a backup: session, packs, manifest, key slots, commit, then the catalog."""

import contextlib
import os
import socket
import uuid
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.parents import choose_ground, earlier_sessions, open_baseline
from strongroom.backup.recording import Committed, record_commit
from strongroom.catalog.backup_queries import find_latest_committed
from strongroom.catalog.backups import Backup, BackupState
from strongroom.errors import StrongroomError
from strongroom.ids import new_id
from strongroom.jobs.context import JobContext
from strongroom.jobs.progress import JobProgress
from strongroom.repository.cleaning import discard_checkpoints
from strongroom.repository.commit import Outcome, find_commit
from strongroom.repository.errors import CommitRefusedError
from strongroom.repository.writer import BackupIdentity, BackupWriter, WriteProgress, WriterOptions
from strongroom.services import Services
from strongroom.settings import SourceSettings
from strongroom.sources.opening import open_source


def run_backup(services: Services, context: JobContext) -> dict[str, Any]:
    """Make the backup a job asks for; each attempt has its own session and adopts a commit that already stands."""
    source = services.settings.get_source(context.args["source"])
    identity = _open_session(services, context, source)
    written = _standing_commit(services, identity) or _write_or_adopt(services, context, source, identity)
    _tidy(services, identity)
    return record_commit(services, context, written)


def _tidy(services: Services, identity: BackupIdentity) -> None:
    """Remove what earlier attempts wrote down for later ones; the backup is made, so a collector may do it as well."""
    home = next(iter(services.stores.values()))
    with contextlib.suppress(StrongroomError):
        for session_id in earlier_sessions(services, identity):
            discard_checkpoints(home, session_id)


def _open_session(services: Services, context: JobContext, source: SourceSettings) -> BackupIdentity:
    session_id = new_id(services.clock, services.random)

    def effect(session: Session) -> dict[str, Any]:
        backup = session.get(Backup, context.job_id) or _new_backup(services, context, source, session)
        # An attempt that died after it had recorded its commit has left a record that stands.
        if backup.state is not BackupState.COMMITTED:
            backup.session_id = session_id
        return {"session": str(session_id), "kind": backup.kind.value, "parent": _text_of(backup.parent_id)}

    opened = context.step(f"session:{context.attempt}", effect) or {}
    return BackupIdentity(
        source=source.name,
        source_kind=source.kind,
        backup_id=context.job_id,
        session_id=uuid.UUID(opened["session"]),
        kind=opened["kind"],
        policy=source.policy,
        parent_id=None if opened["parent"] is None else uuid.UUID(opened["parent"]),
        worker=f"{socket.gethostname()}:{os.getpid()}",
    )


def _new_backup(services: Services, context: JobContext, source: SourceSettings, session: Session) -> Backup:
    now = services.clock.now()
    kind, parent_id = choose_ground(session, source, RequestedKind(context.args["kind"]), now)
    backup = Backup(
        id=context.job_id,
        source=source.name,
        source_kind=source.kind,
        kind=kind,
        state=BackupState.RUNNING,
        parent_id=parent_id,
        trace_id=context.trace_id,
        policy=source.policy,
        regions=list(services.settings.regions_of(source.policy)),
        created_at=now,
    )
    session.add(backup)
    return backup


def _text_of(parent_id: uuid.UUID | None) -> str | None:
    return None if parent_id is None else str(parent_id)


def _standing_commit(services: Services, identity: BackupIdentity) -> Committed | None:
    """Find what an earlier attempt committed before it could say so."""
    home = next(iter(services.stores.values()))
    record = find_commit(services.open_repository(), home, identity.source, identity.backup_id)
    return Committed(record) if record is not None and record.outcome is Outcome.COMMIT else None


def _write_or_adopt(
    services: Services, context: JobContext, source: SourceSettings, identity: BackupIdentity
) -> Committed:
    try:
        return _write(services, context, source, identity)
    except CommitRefusedError:
        # A worker that was believed dead may have committed its own session meanwhile: that backup is as good.
        standing = _standing_commit(services, identity)
        if standing is None:
            raise
        return standing


def _write(services: Services, context: JobContext, source: SourceSettings, identity: BackupIdentity) -> Committed:
    opened = open_source(source, services.settings.scratch_dir, context.check, services.clock)
    expected = opened.expected_bytes() or _last_size(services, source.name)

    def report(progress: WriteProgress) -> None:
        context.check()
        context.report(
            JobProgress(
                phase="reading",
                done_bytes=progress.bytes_read + progress.bytes_taken,
                total_bytes=expected,
                files=progress.files,
            )
        )

    home = next(iter(services.stores.values()))
    with BackupWriter(
        services.open_repository(),
        home,
        services.keks,
        identity,
        options=writer_options(services),
        clock=services.clock,
        random=services.random,
        on_progress=report,
    ) as writer:
        baseline = open_baseline(services, context, writer, source)
        with opened.open() as walk:
            writer.write(walk, baseline)
        sealed = writer.seal()
        context.check()
        return Committed(writer.commit(), sealed.evidence)


def _last_size(services: Services, source: str) -> int | None:
    with services.catalog.read() as session:
        last = find_latest_committed(session, source)
        return None if last is None else last.source_bytes


def writer_options(services: Services) -> WriterOptions:
    """Return the writer's tuning as the settings have it."""
    settings = services.settings.repository
    return WriterOptions(
        compression_level=settings.compression_level,
        pack_bytes=settings.pack_mib << 20,
        workers=settings.workers,
        uploads=settings.uploads,
        verify_packs=settings.verify_packs,
    )
