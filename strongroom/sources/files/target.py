"""A directory as the target of a restore."""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from strongroom.sources.errors import IncompleteRestoreError
from strongroom.sources.files.attributes import ProblemLog, apply_to_descriptor, apply_to_name
from strongroom.sources.files.capture import displayed
from strongroom.sources.files.filling import FileFiller, WrittenPiece
from strongroom.sources.files.made import Climber, MadeDirectories, MadeDirectory
from strongroom.sources.files.placing import Placer
from strongroom.sources.files.refusals import refusal_of
from strongroom.sources.files.target_root import open_target
from strongroom.sources.files.target_tree import TargetTree
from strongroom.tree.content import Problem, ProblemKind
from strongroom.tree.entry import Entry, EntryType


class FilesTarget:
    """Fills a directory: `prepare`, `make` every entry in tree order, `write` the bytes in any order, `finish`.

    Paths are bytes relative to the target; the target itself is b"". Never writes through a symbolic link or into a
    file that was there before, so that nothing outside the target is touched. Until it is finished nobody else can read
    what is there. A restore that was cut short is completed by another one with overwrite; that replaces what the
    backup holds and leaves all other files alone. Only `write` is safe among threads. Leave the `with` to
    close what is open.
    """

    def __init__(self, root: Path, *, overwrite: bool) -> None:
        self._root = root
        self._overwrite = overwrite
        self._placer = Placer(overwrite=overwrite)
        self._log = ProblemLog()
        self._directories = MadeDirectories()
        self._first_names: dict[int, bytes] = {}
        self._further_names: list[tuple[bytes, int]] = []
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def prepare(self) -> None:
        """Make or open the directory.

        Raises TargetNotEmptyError, TargetConflictError, TargetNotWritableError, TargetFullError; nothing was changed.
        """
        self._tree = TargetTree(open_target(self._root, overwrite=self._overwrite))
        self._opened.callback(self._tree.close)
        self._filler = FileFiller(self._tree, self._placer, self._log)
        self._opened.callback(self._filler.close)

    def make(self, path: bytes, entry: Entry) -> int | None:
        """Make an entry, or announce a file that has bytes: then its token is returned.

        Raises the errors of `prepare` and UnsafePathError.
        """
        if entry.type is EntryType.DIRECTORY:
            self._make_directory(path, entry)
        elif entry.link_id in self._first_names:
            self._further_names.append((path, entry.link_id))
        else:
            if entry.link_id:
                self._first_names[entry.link_id] = path
            return self._make_single(path, entry)
        return None

    def write(self, pieces: Iterable[WrittenPiece]) -> int:
        """Put bytes into announced files and return how many; raises TargetFullError, TargetNotWritableError."""
        return self._filler.write(pieces)

    def finish(self, check: Callable[[], None] = lambda: None) -> list[Problem]:
        """Make the further names of files and give directories their metadata; return what could not be restored.

        `check` is called for each of them and may raise to stop. Raises IncompleteRestoreError when a file did not get
        all its bytes.
        """
        missing = self._filler.unfinished()
        if missing:
            raise IncompleteRestoreError(
                f"{len(missing)} files did not get all their bytes, the first is {displayed(missing[0])}.",
                next_step="Verify the backup, and restore it again from another region.",
            )
        for path, link_id in self._further_names:
            check()
            self._make_link(path, self._first_names[link_id])
        # The other way round: a directory's own times and rights come after all that is below it.
        with closing(self._tree.climber()) as climber:
            for made, entry in self._directories.bottom_up():
                check()
                self._finish_directory(climber, made, entry)
        return list(self._log.problems)

    def _make_directory(self, path: bytes, entry: Entry) -> None:
        try:
            if path:
                self._placer.directory(*self._tree.parent_of(path))
            self._directories.add(path, entry)
        except OSError as error:
            self._skip(path, error)

    def _make_single(self, path: bytes, entry: Entry) -> int | None:
        if entry.type is EntryType.FILE:
            return self._filler.expect(path, entry)
        try:
            directory, name = self._tree.parent_of(path)
            self._placer.special(directory, name, entry)
        except OSError as error:
            self._skip(path, error)
        else:
            apply_to_name(directory, name, entry, lambda reason: self._log.add_once(displayed(path), reason))
        return None

    def _make_link(self, path: bytes, first: bytes) -> None:
        try:
            directory, name = self._tree.parent_of(path)
            # The first directory may be pushed out by the second when the limit is reached, so it is held here.
            held = os.dup(directory)
            try:
                self._placer.link(self._tree.parent_of(first), held, name)
            finally:
                os.close(held)
        except OSError as error:
            self._skip(path, error)

    def _finish_directory(self, climber: Climber, made: MadeDirectory, entry: Entry) -> None:
        try:
            descriptor = climber.reach(made)
        except OSError as error:
            self._skip(made.path(), error)
            return
        apply_to_descriptor(descriptor, entry, lambda reason: self._log.add_once(displayed(made.path()), reason))

    def _skip(self, path: bytes, error: OSError) -> None:
        refusal = refusal_of(error, displayed(path))
        if refusal:
            raise refusal from error
        self._log.add(displayed(path), ProblemKind.UNSUPPORTED, error.strerror or "cannot be made")
