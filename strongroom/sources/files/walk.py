"""One pass over a directory tree."""

import os
import stat
import sys
from collections.abc import Generator, Iterator
from operator import methodcaller

from strongroom.sources.files.capture import entry_of, xattrs_of, xattrs_of_name
from strongroom.sources.files.content import FileContent, problem_of
from strongroom.sources.files.exclusion import Exclusion
from strongroom.sources.files.folders import Folder, FolderStack
from strongroom.sources.files.links import LinkTable
from strongroom.sources.files.readahead import NextFile, ReadAhead
from strongroom.tree.content import Enter, Item, Leave, Problem, ProblemKind, Recognise, Step
from strongroom.tree.entry import EntryType

_AS_BYTES = methodcaller("encode", sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
"""What `os.fsencode` does, without asking of every name what it is."""


class FilesWalk:
    """The steps of a tree, depth first, names in byte order; can be iterated once.

    Never follows a symbolic link below the root, and resolves each name against its open directory, so that nobody can
    lead the walk elsewhere. With one_file_system a mount point is an empty directory.
    """

    def __init__(
        self,
        folders: FolderStack,
        exclusion: Exclusion | None,
        facts: dict[str, str | int],
        *,
        one_file_system: bool,
        ahead: ReadAhead,
        reading: type[FileContent] = FileContent,
    ) -> None:
        self._folders = folders
        self._exclusion = exclusion
        self._facts = facts
        self._one_file_system = one_file_system
        self._ahead = ahead
        self._reading = reading
        self._links = LinkTable()
        self._problems: list[Problem] = []
        self._pending: list[list[bytes]] = []
        self._recognise: Recognise = _recognise_nothing
        self._has_spared = False

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps; the content of an Item is to be opened before the next step is asked for."""
        yield self._begin(self._folders.root)
        while self._pending:
            found = self._next_unknown(self._pending[-1])
            if found:
                yield from self._steps_of(*found)
            else:
                self._pending.pop()
                self._folders.leave()
                yield Leave()

    def spare(self, recognise: Recognise) -> None:
        """Leave out regular files with one name that are recognised."""
        self._recognise = recognise

    def problems(self) -> list[Problem]:
        """Return what could not be listed, or was gone before it could be looked at."""
        return list(self._problems)

    def facts(self) -> dict[str, str | int]:
        """Return where the tree was."""
        return dict(self._facts)

    def _come_to(self, size: int) -> None:
        if self._has_spared:
            # What follows a file that did not change has most likely not changed either.
            self._has_spared = False
            self._ahead.stop()
        self._ahead.come_to(size, self._course)

    def _course(self) -> Generator[NextFile]:
        """Return the files that are still to come, looked up by a twin of this walk; raises OSError."""
        twin = FilesWalk(
            self._folders.twin(), self._exclusion, {}, one_file_system=self._one_file_system, ahead=self._ahead
        )
        twin._pending = [list(names) for names in self._pending]
        return twin._coming()

    def _coming(self) -> Generator[NextFile]:
        with self._folders:
            while self._pending:
                found = self._next_unknown(self._pending[-1])
                if found is None:
                    self._pending.pop()
                    self._folders.leave()
                elif stat.S_ISDIR(found[1].st_mode):
                    self._directory(*found)
                elif stat.S_ISREG(found[1].st_mode):
                    yield self._folders.current, found[0], found[1].st_size

    def _next_unknown(self, names: list[bytes]) -> tuple[bytes, os.stat_result] | None:
        """Take names of the directory that the walk is in until one needs a step; a backup spends its time here."""
        folder, exclusion, recognise = self._folders.current, self._exclusion, self._recognise
        descriptor = folder.descriptor
        while names:
            name = names.pop()
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError as error:
                self._problems.append(problem_of(folder.path(name), error))
                continue
            mode = status.st_mode
            if exclusion and exclusion.covers(folder.path(name), is_directory=stat.S_ISDIR(mode)):
                continue
            if not (stat.S_ISREG(mode) and status.st_nlink == 1 and recognise(name, status)):
                return name, status
            self._has_spared = True
        return None

    def _steps_of(self, name: bytes, status: os.stat_result) -> tuple[Step, ...]:
        if stat.S_ISDIR(status.st_mode):
            return self._directory(name, status)
        folder = self._folders.current
        if stat.S_ISREG(status.st_mode):
            self._come_to(status.st_size)
            return (self._file(folder, name, status),)
        return self._special(folder, name, status)

    def _file(self, folder: Folder, name: bytes, status: os.stat_result) -> Item:
        if status.st_nlink == 1:
            entry = entry_of(name, status)
            return Item(entry, self._reading(folder, entry, self._links, self._ahead))
        link_id, is_first = self._links.number(status)
        entry = entry_of(name, status, link_id)
        return Item(entry, self._reading(folder, entry, self._links, self._ahead) if is_first else None)

    def _special(self, folder: Folder, name: bytes, status: os.stat_result) -> tuple[Step, ...]:
        entry = entry_of(name, status, self._links.number(status)[0] if status.st_nlink > 1 else 0)
        if entry.type is EntryType.SYMLINK:
            try:
                entry.target = os.readlink(name, dir_fd=folder.descriptor)
            except OSError as error:
                self._problems.append(problem_of(folder.path(name), error))
                return ()
        entry.xattrs = xattrs_of_name(folder.descriptor, name)
        return (Item(entry, None),)

    def _directory(self, name: bytes, status: os.stat_result) -> tuple[Step, ...]:
        try:
            folder = self._folders.enter(name)
        except OSError as error:
            problem = problem_of(self._folders.current.path(name), error)
            self._problems.append(problem)
            if problem.kind is ProblemKind.UNREADABLE:
                return Enter(entry_of(name, status)), Leave()
            return ()
        return (self._begin(folder),)

    def _begin(self, folder: Folder) -> Step:
        entry = entry_of(folder.name, folder.status)
        entry.xattrs = xattrs_of(folder.descriptor)
        self._pending.append([] if self._is_foreign(folder) else self._listing(folder))
        return Enter(entry)

    def _is_foreign(self, folder: Folder) -> bool:
        return self._one_file_system and folder.device != self._folders.root.device

    def _listing(self, folder: Folder) -> list[bytes]:
        """Return the names last first, to be taken from the end."""
        try:
            names = os.listdir(folder.descriptor)  # noqa: PTH208 - a descriptor has no pathlib spelling
        except OSError as error:
            self._problems.append(problem_of(folder.path(), error))
            return []
        return sorted(map(_AS_BYTES, names), reverse=True)


def _recognise_nothing(_name: bytes, _status: os.stat_result) -> bool:
    return False
