"""A directory tree, or a directory of logs, as a source of backups."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.settings.sources import LogsSourceSettings, TreeSourceSettings
from strongroom.sources.errors import EmptySourceError, SourceNotFoundError, SourceNotReadableError
from strongroom.sources.files.capture import displayed
from strongroom.sources.files.content import FileContent
from strongroom.sources.files.exclusion import Exclusion, Scope
from strongroom.sources.files.folders import FolderStack
from strongroom.sources.files.growing import LogContent
from strongroom.sources.files.lookout import Lookout
from strongroom.sources.files.porter import Porter
from strongroom.sources.files.readahead import ReadAhead
from strongroom.sources.files.sighting import Task
from strongroom.sources.files.walk import Crew, FilesWalk
from strongroom.tree.content import Walk


class FilesSource:
    """Reads the directory that the settings name; the settings' path itself may be a symbolic link."""

    def __init__(self, settings: TreeSourceSettings) -> None:
        self._settings = settings

    def expected_bytes(self) -> int | None:
        """Return None: only walking the tree would tell its size."""
        return None

    @contextmanager
    def open(self) -> Iterator[Walk]:
        """Begin a walk.

        Raises SourceNotFoundError, SourceNotReadableError, EmptySourceError, BadExcludePatternError.
        """
        settings = self._settings
        is_logs = isinstance(settings, LogsSourceSettings)
        include = settings.include if isinstance(settings, LogsSourceSettings) else ()
        exclusion = Exclusion(settings.exclude, include) if settings.exclude or include else None
        root = _open_root(settings.path, settings.name)
        task = Task(root, tuple(settings.exclude), tuple(include), settings.one_file_system)
        with (
            FolderStack.at_root(root) as folders,
            ReadAhead() as ahead,
            Lookout(task) as lookout,
            Porter(task) as porter,
        ):
            if not settings.allow_empty:
                _verify_not_empty(folders.root.descriptor, settings)
            facts: dict[str, str | int] = {"root": displayed(os.fsencode(settings.path)), "host": os.uname().nodename}
            crew = Crew(ahead, lookout, None if is_logs else porter)
            scope = Scope(exclusion, settings.one_file_system)
            yield FilesWalk(folders, scope, facts, crew, reading=LogContent if is_logs else FileContent)


def _open_root(path: Path, name: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _not_opened(path, name, error) from error


def _not_opened(path: Path, name: str, error: OSError) -> SourceNotFoundError | SourceNotReadableError:
    where = displayed(os.fsencode(path))
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceNotReadableError(
            f"The directory {where} of source {name} may not be read by this process.",
            next_step="Run the worker as a user that may read it, or grant read access with an ACL.",
        )
    reason = "is not a directory" if error.errno == errno.ENOTDIR else f"cannot be opened ({error.strerror})"
    return SourceNotFoundError(
        f"The path {where} of source {name} {reason}.",
        next_step="Correct path of the source in strongroom.toml, or mount what belongs there.",
    )


def _verify_not_empty(descriptor: int, settings: TreeSourceSettings) -> None:
    try:
        with os.scandir(descriptor) as entries:
            is_empty = next(entries, None) is None
    except OSError as error:
        raise _not_opened(settings.path, settings.name, error) from error
    if is_empty:
        raise EmptySourceError(
            f"The directory {displayed(os.fsencode(settings.path))} of source {settings.name} is empty.",
            next_step="Mount the disk that belongs there; if it is meant to be empty, set allow_empty = true.",
        )
