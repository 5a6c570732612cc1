"""The job that holds a drill: restore into an empty place from one region alone, check, measure, write down."""

import uuid
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from strongroom.backup.restore_tree import restore_tree
from strongroom.backup.selection import EVERYTHING
from strongroom.catalog.backup_queries import get_backup
from strongroom.catalog.backups import BackupState
from strongroom.catalog.drills import get_drill
from strongroom.drills.choosing import Choice, choose
from strongroom.drills.errors import DrillOvertakenError
from strongroom.drills.findings import Findings
from strongroom.drills.place import drill_place
from strongroom.drills.recording import record
from strongroom.drills.room import room_for_databases, room_for_tree, telling_of_a_full_disk
from strongroom.drills.timing import Stopwatch
from strongroom.drills.trees import TreeComparison
from strongroom.errors import CannotDecryptError, IntegrityError
from strongroom.jobs.context import JobContext
from strongroom.repository.access import open_repository
from strongroom.repository.errors import BackupNotFoundError, RepositoryNotFoundError, UnknownVersionError
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.settings import PostgresSourceSettings, SourceSettings
from strongroom.sources.errors import RestoreFailedError, UnreadableDumpError
from strongroom.sources.files.target import FilesTarget
from strongroom.storage.errors import ObjectNotFoundError

FAULTS_OF_THE_BACKUP = (
    IntegrityError,
    CannotDecryptError,
    ObjectNotFoundError,
    BackupNotFoundError,
    RepositoryNotFoundError,
    UnknownVersionError,
    RestoreFailedError,
    UnreadableDumpError,
)
"""What decides a drill; anything else is a fault of the place it is held in, and says nothing about the backup."""


def run_drill(services: Services, context: JobContext) -> dict[str, Any]:
    """Hold the drill that a job names; a backup that does not restore is its result, not a failure of the job.

    Raises NothingToDrillError, NoRoomForDrillError, BadCheckError, ExtensionMissingError, ScratchServerMissingError and
    what says that the region does not answer.
    """
    choice = choose(services, context)
    source = services.settings.get_source(context.args["source"])
    context.write(lambda session: _begin(session, services, context.job_id, choice))
    findings = Findings()
    watch = Stopwatch(services.clock, context, findings)
    try:
        _hold(services, source, choice, watch)
    except FAULTS_OF_THE_BACKUP as error:
        _verify_still_there(services, choice)
        findings.failure = error
    return record(services, context, choice, findings)


def _begin(session: Session, services: Services, drill_id: uuid.UUID, choice: Choice) -> None:
    drill = get_drill(session, drill_id)
    drill.backup_id, drill.region = choice.backup_id, choice.region
    drill.started_at = services.clock.now()


def _hold(services: Services, source: SourceSettings, choice: Choice, watch: Stopwatch) -> None:
    with watch.phase("opening"):
        reader = _open(services, source, choice)
    watch.findings.bytes = reader.head.source_bytes
    is_database = isinstance(source, PostgresSourceSettings)
    wanted = room_for_databases(reader.head) if is_database else room_for_tree(reader.head)
    with drill_place(services.settings, wanted, services.clock) as place, telling_of_a_full_disk(place):
        if isinstance(source, PostgresSourceSettings):
            # The PostgreSQL driver is an extra that a machine with files only does not need.
            from strongroom.drills.server import drill_databases

            drill_databases(services, reader, source, place, watch)
        else:
            _drill_tree(reader, place / "tree", watch)


def _open(services: Services, source: SourceSettings, choice: Choice) -> BackupReader:
    """Open the backup with nothing but the region's store and key, as after the loss of everything else."""
    store, kek = services.stores[choice.region], services.keks[choice.region]
    return BackupReader(open_repository(store, kek), store, kek, source.name, choice.backup_id)


def _drill_tree(reader: BackupReader, root: Path, watch: Stopwatch) -> None:
    findings = watch.findings
    with watch.phase("restoring"), FilesTarget(root, overwrite=False) as target:
        target.prepare()
        restored = restore_tree(reader, target, EVERYTHING, watch.report)
    findings.files, findings.restored_bytes = restored.files, restored.bytes
    findings.notes += [f"{problem.path}: {problem.reason}" for problem in restored.problems]
    with watch.phase("checking"):
        TreeComparison(reader, root, watch.check).run(findings)


def _verify_still_there(services: Services, choice: Choice) -> None:
    """Check that the backup was not retired under the drill's hands; raises DrillOvertakenError."""
    with services.catalog.read() as session:
        state = get_backup(session, choice.backup_id).state
    if state is not BackupState.COMMITTED:
        raise DrillOvertakenError(
            f"Backup {choice.backup_id} was retired while it was being restored.",
            next_step="Hold another drill: it takes the newest backup.",
        )
