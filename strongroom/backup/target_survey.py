"""Looking at the target of a restore before anything is written: what is there, and what would end the restore."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from strongroom.backup.restore_requests import RestoreRequest
from strongroom.backup.targets import BucketTargetRequest, FilesTargetRequest, LogGroupTargetRequest, verify_stored
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.sources.files.target_root import holds_something
from strongroom.sources.postgres.surveyed import Survey


@dataclass(frozen=True, slots=True)
class TargetSurvey:
    """What a restore would meet; `state` is absent, empty or filled, as this machine sees a directory."""

    state: str | None
    databases: tuple[Survey, ...]
    obstacles: tuple[str, ...]


def survey_target(services: Services, reader: BackupReader, request: RestoreRequest, size: int) -> TargetSurvey:
    """Look at a directory for so many bytes, or at every database of a restore; writes nothing."""
    target = verify_stored(request.target)
    if isinstance(target, FilesTargetRequest):
        return survey_directory(target.path, size, overwrite=request.overwrite)
    if isinstance(target, LogGroupTargetRequest):
        return _survey_log_group(services, target, overwrite=request.overwrite)
    if isinstance(target, BucketTargetRequest):
        return _survey_bucket(services, target, overwrite=request.overwrite)
    # The PostgreSQL driver is an extra that a machine with files only does not need.
    from strongroom.backup.database_survey import survey_databases

    found = survey_databases(services, reader, request, target)
    obstacles = tuple(f"{one.target}: {obstacle}" for one in found for obstacle in one.obstacles)
    return TargetSurvey(found[0].state if len(found) == 1 else None, found, obstacles)


def _survey_bucket(services: Services, target: BucketTargetRequest, *, overwrite: bool) -> TargetSurvey:
    # boto3 is an extra.
    from strongroom.backup.restore_bucket import open_bucket

    if not open_bucket(services.settings, target).holds_something():
        return TargetSurvey("empty", (), ())
    refusal = f"There are objects in {target.name}. Name an empty prefix, or ask for an overwrite and confirm its name."
    return TargetSurvey("filled", (), () if overwrite else (refusal,))


def _survey_log_group(services: Services, target: LogGroupTargetRequest, *, overwrite: bool) -> TargetSurvey:
    from strongroom.backup.restore_log_group import open_log_group

    state = open_log_group(services, target, lambda: None).state()
    refusal = f"The group {target.group} has streams. Name another, or ask for an overwrite and confirm its name."
    return TargetSurvey(state, (), (refusal,) if state == "filled" and not overwrite else ())


def survey_directory(path: Path, size: int, *, overwrite: bool) -> TargetSurvey:
    """Look at a directory that is to take so many bytes."""
    state, obstacles = "absent", []
    if os.path.lexists(path):
        state, obstacle = _look_into(path, overwrite=overwrite)
        obstacles += [obstacle] if obstacle else []
    place = next(one for one in (path, *path.parents) if one.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        obstacles.append(f"{place} may not be written to by this process.")
    free = shutil.disk_usage(place).free
    if free < size:
        obstacles.append(f"{place} has {free >> 20} MiB free, and {size >> 20} MiB are to be written.")
    return TargetSurvey(state, (), tuple(obstacles))


def _look_into(path: Path, *, overwrite: bool) -> tuple[str, str | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        return "filled", f"{path} cannot be used as a directory: {error.strerror}."
    try:
        if not holds_something(descriptor):
            return "empty", None
    finally:
        os.close(descriptor)
    refusal = f"{path} is not empty. Name an empty directory, or ask for an overwrite and confirm its name."
    return "filled", None if overwrite else refusal
