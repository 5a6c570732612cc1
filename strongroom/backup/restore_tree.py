"""Filling a directory from a backup: entries first, then bytes pack by pack, then what must come last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from strongroom.repository.reader import BackupReader
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.content import Enter, Leave, Problem
from strongroom.tree.entry import Entry, Run

Report = Callable[[int, int], None]
"""Called with bytes and files restored so far; may raise to stop the restore."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore wrote, and what it could not."""

    files: int
    bytes: int
    problems: tuple[Problem, ...]


def restore_tree(reader: BackupReader, target: FilesTarget, report: Report) -> Restored:
    """Restore every entry of a backup into a prepared target."""
    wanted: list[tuple[bytes, Entry]] = []
    for path, entry in paths(reader):
        target.make(path, entry)
        if any(isinstance(extent, Run) for extent in entry.extents):
            wanted.append((path, entry))
    done = 0
    for piece in reader.pieces((number, entry) for number, (_, entry) in enumerate(wanted)):
        target.write(wanted[piece.token][0], piece.offset, piece.data)
        done += len(piece.data)
        report(done, len(wanted))
    return Restored(files=reader.head.files, bytes=done, problems=tuple(target.finish()))


def paths(reader: BackupReader) -> Iterator[tuple[bytes, Entry]]:
    """Yield every entry of a backup with its path relative to the root, which is b""; parents before children."""
    above: list[bytes] = []
    for step in reader.walk():
        if isinstance(step, Leave):
            above.pop()
            continue
        path = step.entry.name if not above or not above[-1] else above[-1] + b"/" + step.entry.name
        yield path, step.entry
        if isinstance(step, Enter):
            above.append(path)
