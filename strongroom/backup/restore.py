"""The job that restores a backup from one region into its target."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.browsing import measure, open_backup
from strongroom.backup.restore_database import restore_databases
from strongroom.backup.restore_tree import Restored, restore_tree
from strongroom.backup.selection import parse_selection
from strongroom.backup.targets import (
    BucketTargetRequest,
    FilesTargetRequest,
    LogGroupTargetRequest,
    StoredTargetRequest,
    parse_target,
    verify_stored,
)
from strongroom.catalog.backups import Restore
from strongroom.jobs.context import JobContext
from strongroom.jobs.progress import JobProgress
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.sources.files.target import FilesTarget

MOST_PROBLEMS = 1000


def run_restore(services: Services, context: JobContext) -> dict[str, Any]:
    """Restore what a job names; an attempt that follows a broken one completes its target."""
    args = context.args
    reader = open_backup(services, uuid.UUID(args["backup"]), args["region"])
    region = reader.store.region
    restored = _restore(services, context, reader, verify_stored(parse_target(args["target"])))
    return context.step("restored", lambda session: _record(session, services, context, region, restored)) or {}


def _restore(services: Services, context: JobContext, reader: BackupReader, request: StoredTargetRequest) -> Restored:
    # Only an attempt that found the target as it should be records this, so only its successors may fill it further.
    begun = bool(context.cursor)
    selection = parse_selection(context.args.get("selection"))
    report = _reporter(context, measure(reader, selection).bytes)
    if isinstance(request, FilesTargetRequest):
        with FilesTarget(request.path, overwrite=context.args["overwrite"] or begun) as target:
            target.prepare()
            context.save_cursor({"begun": True})
            return restore_tree(reader, target, selection, report)
    if isinstance(request, LogGroupTargetRequest):
        from strongroom.backup.restore_log_group import restore_log_group

        return restore_log_group(services, context, reader, request, selection, report)
    if isinstance(request, BucketTargetRequest):
        from strongroom.backup.restore_bucket import open_bucket, restore_bucket

        return restore_bucket(context, reader, open_bucket(services.settings, request), selection, report)
    return restore_databases(services, context, reader, request, report)


def _reporter(context: JobContext, total: int) -> Callable[[int, int], None]:
    def report(done_bytes: int, files: int) -> None:
        context.check()
        context.report(JobProgress(phase="restoring", done_bytes=done_bytes, total_bytes=total, files=files))

    return report


def _record(
    session: Session, services: Services, context: JobContext, region: str, restored: Restored
) -> dict[str, Any]:
    restore = session.get_one(Restore, context.job_id)
    restore.region = region
    restore.finished_at = services.clock.now()
    restore.files, restore.bytes = restored.files, restored.bytes
    restore.problem_count = len(restored.problems)
    restore.problems = [problem.as_json() for problem in restored.problems[:MOST_PROBLEMS]]
    return _summary(restore)


def _summary(restore: Restore) -> dict[str, Any]:
    return {
        "backup": str(restore.backup_id),
        "region": restore.region,
        "files": restore.files,
        "bytes": restore.bytes,
        "partial": restore.problem_count > 0,
        "problem_count": restore.problem_count,
        "problems": restore.problems[:20],
    }
