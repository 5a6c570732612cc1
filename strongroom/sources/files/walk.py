"""One pass over a directory tree."""

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from strongroom.sources.files.capture import entry_of, xattrs_of, xattrs_of_name
from strongroom.sources.files.content import FileContent, NamedContent, problem_of
from strongroom.sources.files.exclusion import Scope
from strongroom.sources.files.folders import Folder, FolderStack, names_anew, names_by_kind, names_in
from strongroom.sources.files.links import LinkTable
from strongroom.sources.files.loads import Place
from strongroom.sources.files.lookout import Lookout
from strongroom.sources.files.lookout_process import END, UNTOLD
from strongroom.sources.files.porter import Carriage, Porter
from strongroom.sources.files.readahead import NextFile, ReadAhead
from strongroom.sources.files.sighting import Sighting
from strongroom.tree.content import Enter, Item, Leave, Problem, ProblemKind, Recognise, Status, Step
from strongroom.tree.entry import EntryType

LOOKOUT_WORTH = 20_000
"""Known entries that a lookout is started for, which takes a tenth of a second."""

Found = tuple[bytes, Status]

Take = Callable[[Folder, list[bytes], set[bytes]], None]
"""Takes files without steps: names from the end of the list that are not among the others, up to one it cannot take."""


@dataclass(slots=True)
class _Level:
    """A directory that the walk is in: names still to come, last first; None while a lookout tells of them.

    The others are those of them that are not listed as regular files, where that is asked for.
    """

    names: list[bytes] | None
    last: bytes = b""
    others: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Crew:
    """Who helps a walk: what is not there is not done."""

    ahead: ReadAhead
    lookout: Lookout | None = None
    porter: Porter | None = None


class FilesWalk:
    """The steps of a tree, depth first, names in byte order; can be iterated once.

    Never follows a symbolic link below the root, and resolves each name against its open directory, so that nobody can
    lead the walk elsewhere. With one_file_system a mount point is an empty directory.
    """

    def __init__(
        self,
        folders: FolderStack,
        scope: Scope,
        facts: dict[str, str | int],
        crew: Crew,
        *,
        reading: type[NamedContent] = FileContent,
    ) -> None:
        self._folders = folders
        self._scope = scope
        self._facts = facts
        self._crew = crew
        self._ahead = crew.ahead
        self._porter = crew.porter
        self._reading = reading
        self._links = LinkTable()
        self._problems: list[Problem] = []
        self._pending: list[_Level] = []
        self._is_told = False
        self._told: Iterator[list[Sighting]] = iter(())
        self._run: list[Sighting] = []
        self._recognise: Recognise = _recognise_nothing
        self._has_spared = False
        self._take: Take | None = None

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps; the content of an Item is to be opened before the next step is asked for."""
        if not self._pending:
            yield self._begin(self._folders.root, is_told=self._is_told)
        while self._pending:
            if self._porter is not None and (carriage := self._porter.find_carriage()):
                yield from self._carried(carriage)
                return
            found = self._next_unknown(self._pending[-1])
            if found:
                yield from self._steps_of(*found)
            else:
                self._pending.pop()
                self._folders.leave()
                yield Leave()

    def go_on(self, names: Iterable[tuple[list[bytes], set[bytes]]], links: LinkTable, take: Take) -> None:
        """Begin where another walk stands: in the directories of the stack, with these names to come, last first.

        The second of each two are those that are not listed as regular files; only for the rest are files taken.
        """
        self._links = links
        self._pending = [_Level(one, others=others) for one, others in names]
        self._take = take

    def spare(self, recognise: Recognise, expected: int) -> None:
        """Leave out regular files with one name that are recognised; so many entries are expected to be known."""
        self._recognise = recognise
        # A porter would read what is known.
        self._porter = None
        if self._crew.lookout is not None and expected >= LOOKOUT_WORTH:
            self._is_told, self._told = True, self._crew.lookout.runs()

    def problems(self) -> list[Problem]:
        """Return what could not be listed, or was gone before it could be looked at."""
        return list(self._problems)

    def facts(self) -> dict[str, str | int]:
        """Return where the tree was."""
        return dict(self._facts)

    def _carried(self, carriage: Carriage) -> Iterator[Step]:
        places = [
            Place(folder.name, folder.device, folder.inode, level.names[-1] if level.names else None)
            for folder, level in zip(self._folders, self._pending, strict=True)
        ]
        self._ahead.stop()
        for step in carriage.carry(places, self._links.state()):
            if isinstance(step, Problem):
                self._problems.append(step)
            else:
                yield step

    def _come_to(self, size: int) -> None:
        if self._has_spared:
            # What follows a file that did not change has most likely not changed either.
            self._has_spared = False
            self._ahead.stop()
        self._ahead.come_to(size, self.course)

    def course(self) -> Generator[NextFile]:
        """Return the files that are still to come, looked up by a twin of this walk; raises OSError."""
        twin = FilesWalk(self._folders.twin(), self._scope, {}, Crew(self._ahead))
        twin._pending = [_Level(None if one.names is None else list(one.names), one.last) for one in self._pending]
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

    def _next_unknown(self, level: _Level) -> Found | None:
        """Take names of the directory that the walk is in until one needs a step; a backup spends its time here."""
        if level.names is None:
            found = self._next_told(level)
            if level.names is None:
                return found
        return self._next_own(level.names, level.others)

    def _next_told(self, level: _Level) -> Found | None:
        """Take what the lookout tells of the directory; sets the level's names where it tells no more."""
        while run := self._run or next(self._told, []):
            self._run = []
            seen = run[0]
            mode = seen.st_mode
            if mode == END:
                return None
            if mode == UNTOLD:
                break
            if stat.S_ISREG(mode) and seen.st_nlink == 1:
                if found := self._next_of_run(level, run):
                    return found
                continue
            level.last = seen.name
            if mode:
                return seen.name, seen
            if found := self._look_up(seen.name):
                return found
        level.names = [name for name in self._listing(self._folders.current, names_anew) if name > level.last]
        return None

    def _next_of_run(self, level: _Level, run: list[Sighting]) -> Found | None:
        known = self._recognise([seen.name for seen in run], run)
        self._has_spared = self._has_spared or known > 0
        if known == len(run):
            level.last = run[-1].name
            return None
        seen = run[known]
        level.last = seen.name
        self._run = run[known + 1 :]
        return seen.name, seen

    def _next_own(self, names: list[bytes], others: set[bytes]) -> Found | None:
        recognise = self._recognise
        while names:
            if self._take is not None and names[-1] not in others:
                self._take(self._folders.current, names, others)
                if not names:
                    break
            found = self._look_up(names.pop())
            if found is None:
                continue
            name, status = found
            if not (stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and recognise((name,), (status,))):
                return found
            self._has_spared = True
        return None

    def _look_up(self, name: bytes) -> Found | None:
        """Return a name of the directory that the walk is in with its status, unless it is gone or excluded."""
        folder, exclusion = self._folders.current, self._scope.exclusion
        try:
            status = os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False)
        except OSError as error:
            self._problems.append(problem_of(folder.path(name), error))
            return None
        if exclusion and exclusion.covers(folder.path(name), is_directory=stat.S_ISDIR(status.st_mode)):
            return None
        return name, status

    def _skip_told(self) -> None:
        """Pass what the lookout tells of a directory that the walk does not go into, or that is another by now."""
        depth = 1
        for run in self._told:
            mode = run[0].st_mode
            if mode in (END, UNTOLD):
                depth -= 1
            elif stat.S_ISDIR(mode):
                depth += 1
            if not depth:
                return

    def _steps_of(self, name: bytes, status: Status) -> tuple[Step, ...]:
        if stat.S_ISDIR(status.st_mode):
            return self._directory(name, status)
        folder = self._folders.current
        if stat.S_ISREG(status.st_mode):
            self._come_to(status.st_size)
            return (self._file(folder, name, status),)
        return self._special(folder, name, status)

    def _file(self, folder: Folder, name: bytes, status: Status) -> Item:
        if status.st_nlink == 1:
            entry = entry_of(name, status)
            return Item(entry, self._reading(folder, entry, self._links, self._ahead))
        link_id, is_first = self._links.number(status)
        entry = entry_of(name, status, link_id)
        return Item(entry, self._reading(folder, entry, self._links, self._ahead) if is_first else None)

    def _special(self, folder: Folder, name: bytes, status: Status) -> tuple[Step, ...]:
        entry = entry_of(name, status, self._links.number(status)[0] if status.st_nlink > 1 else 0)
        if entry.type is EntryType.SYMLINK:
            try:
                entry.target = os.readlink(name, dir_fd=folder.descriptor)
            except OSError as error:
                self._problems.append(problem_of(folder.path(name), error))
                return ()
        entry.xattrs = xattrs_of_name(folder.descriptor, name)
        return (Item(entry, None),)

    def _directory(self, name: bytes, status: Status) -> tuple[Step, ...]:
        is_told = isinstance(status, Sighting)
        try:
            folder = self._folders.enter(name)
        except OSError as error:
            if is_told:
                self._skip_told()
            problem = problem_of(self._folders.current.path(name), error)
            self._problems.append(problem)
            if problem.kind is ProblemKind.UNREADABLE:
                return Enter(entry_of(name, status)), Leave()
            return ()
        if is_told and (folder.device, folder.inode) != (status.st_dev, status.st_ino):
            self._skip_told()
            is_told = False
        return (self._begin(folder, is_told=is_told),)

    def _begin(self, folder: Folder, *, is_told: bool) -> Step:
        entry = entry_of(folder.name, folder.status)
        entry.xattrs = xattrs_of(folder.descriptor)
        level = _Level(None)
        self._pending.append(level)
        if not is_told:
            by_kind = partial(names_by_kind, others=level.others)
            level.names = self._listing(folder, by_kind if self._take is not None else names_in)
        return Enter(entry)

    def _is_foreign(self, folder: Folder) -> bool:
        return self._scope.one_file_system and folder.device != self._folders.root.device

    def _listing(self, folder: Folder, read: Callable[[Folder], list[bytes]] = names_in) -> list[bytes]:
        if self._is_foreign(folder):
            return []
        try:
            return read(folder)
        except OSError as error:
            self._problems.append(problem_of(folder.path(), error))
            return []


def _recognise_nothing(_names: Sequence[bytes], _statuses: Sequence[Status]) -> int:
    return 0
