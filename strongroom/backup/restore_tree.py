"""Filling a directory from a backup: entries first, then bytes pack by pack, then what must come last."""

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.backup.browsing import paths
from strongroom.backup.selection import Selection, select
from strongroom.repository.reader import BackupReader
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.content import Problem
from strongroom.tree.entry import Entry, EntryType, Run

Report = Callable[[int, int], None]
"""Called with bytes and files restored so far; may raise to stop the restore."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore wrote, and what it could not."""

    files: int
    bytes: int
    problems: tuple[Problem, ...]


def restore_tree(reader: BackupReader, target: FilesTarget, selection: Selection, report: Report) -> Restored:
    """Restore the wanted entries of a backup into a prepared target."""
    files = 0
    wanted: list[tuple[bytes, Entry]] = []
    for path, entry in select(paths(reader), selection):
        target.make(path, entry)
        files += entry.type is not EntryType.DIRECTORY
        report(0, files)
        if any(isinstance(extent, Run) for extent in entry.extents):
            wanted.append((path, entry))
    done = 0
    for piece in reader.pieces((number, entry) for number, (_, entry) in enumerate(wanted)):
        target.write(wanted[piece.token][0], piece.offset, piece.data)
        done += len(piece.data)
        report(done, len(wanted))
    return Restored(files=files, bytes=done, problems=tuple(target.finish(lambda: report(done, len(wanted)))))
