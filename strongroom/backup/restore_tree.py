"""Filling a directory from a backup: entries first, then bytes pack by pack, then what must come last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from strongroom.backup.browsing import paths
from strongroom.backup.selection import Selection, select
from strongroom.repository.reader import BackupReader
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.content import Problem
from strongroom.tree.entry import Entry, EntryType

Report = Callable[[int, int], None]
"""Called with bytes and files restored so far; may raise to stop the restore."""

_ANNOUNCED_BETWEEN_REPORTS = 64


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore wrote, and what it could not."""

    files: int
    bytes: int
    problems: tuple[Problem, ...]


def restore_tree(reader: BackupReader, target: FilesTarget, selection: Selection, report: Report) -> Restored:
    """Restore the wanted entries of a backup into a prepared target."""
    files = done = 0

    def announced() -> Iterator[tuple[int, Entry]]:
        nonlocal files
        for path, entry in select(paths(reader), selection):
            token = target.make(path, entry)
            files += entry.type is not EntryType.DIRECTORY
            if files % _ANNOUNCED_BETWEEN_REPORTS == 0:
                report(0, files)
            if token is not None:
                yield token, entry

    for length in reader.hand_out(announced(), target.write):
        done += length
        report(done, files)
    return Restored(files=files, bytes=done, problems=tuple(target.finish(lambda: report(done, files))))
