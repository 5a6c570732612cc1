"""Looking into a backup: its entries by path, and how much a selection of them is."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.backup.lookup import choose_region
from strongroom.backup.selection import PathEntry, Selection, encode_path, is_below, no_such_path, select
from strongroom.catalog.backup_queries import get_backup
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.tree.content import Enter, Leave
from strongroom.tree.entry import EntryType, Run


@dataclass(frozen=True, slots=True)
class Amount:
    """How much a restore reads and writes: files, bytes of content without holes, and packs they lie in."""

    files: int
    bytes: int
    packs: int


def open_backup(services: Services, backup_id: uuid.UUID, region: str | None) -> BackupReader:
    """Open a backup in a region, by default the first that holds it and answers.

    Raises what choose_region raises and what opening a BackupReader raises.
    """
    chosen = choose_region(services, backup_id, region)
    with services.catalog.read() as session:
        source = get_backup(session, backup_id).source
    return BackupReader(services.open_repository(), services.stores[chosen], services.keks[chosen], source, backup_id)


def paths(reader: BackupReader) -> Iterator[PathEntry]:
    """Yield every entry of a backup with its path relative to the root, which is b""; parents before children."""
    above = b""
    # Not the paths above but their lengths: in a very deep tree all of them together would fill the memory.
    lengths: list[int] = []
    for step in reader.walk():
        if isinstance(step, Leave):
            above = above[: lengths.pop()]
            continue
        path = above + b"/" + step.entry.name if above else step.entry.name
        yield path, step.entry
        if isinstance(step, Enter):
            lengths.append(len(above))
            above = path


def list_entries(reader: BackupReader, path: str, *, recursive: bool) -> Iterator[PathEntry]:
    """Yield what lies in a directory of a backup, or the one file that the path names; "" is the root.

    Raises BadSelectionError, NothingSelectedError.
    """
    top = encode_path(path)
    found = False
    for at, entry in paths(reader):
        if at == top:
            found = True
            if entry.type is not EntryType.DIRECTORY:
                yield at, entry
        elif is_below(at, top):
            if recursive or at.rpartition(b"/")[0] == top:
                yield at, entry
        elif found:
            return
    if not found:
        raise no_such_path(path)


def measure(reader: BackupReader, selection: Selection) -> Amount:
    """Return how much the selection is; raises BadSelectionError, NothingSelectedError."""
    if selection.is_everything:
        return Amount(reader.head.files, reader.head.source_bytes, len(reader.head.packs))
    files, size = 0, 0
    packs: set[int] = set()
    for _, entry in select(paths(reader), selection):
        runs = [extent for extent in entry.extents if isinstance(extent, Run)]
        files += entry.type is not EntryType.DIRECTORY
        size += sum(run.length for run in runs)
        packs.update(run.pack for run in runs)
    return Amount(files, size, len(packs))
