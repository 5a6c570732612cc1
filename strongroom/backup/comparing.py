"""What differs between two backups of one source."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from strongroom.backup.browsing import paths
from strongroom.backup.errors import NotComparableError
from strongroom.backup.selection import PathEntry
from strongroom.repository.reader import BackupReader
from strongroom.tree.entry import Entry, EntryType


class ChangeKind(StrEnum):
    """What happened to an entry between two backups."""

    ADDED = "added"
    REMOVED = "removed"
    CONTENT = "content"
    """Its bytes, or the target of a link, are others."""
    METADATA = "metadata"
    """Only its rights, owner, times or attributes are others."""
    TYPE = "type"
    """It is another kind of thing under the same name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that differs; a side where it does not exist is None."""

    path: bytes
    kind: ChangeKind
    before: Entry | None
    after: Entry | None


def compare(before: BackupReader, after: BackupReader) -> Iterator[Change]:
    """Yield what differs, in tree order; reads no content. Raises NotComparableError for two sources."""
    if before.head.source != after.head.source:
        raise NotComparableError(
            f"The backups are of two sources, {before.head.source!r} and {after.head.source!r}.",
            next_step="Choose two backups of the same source: contents are known by keys of their source.",
        )
    for path, old, new in _side_by_side(paths(before), paths(after)):
        kind = _kind(old, new)
        if kind is not None:
            yield Change(path, kind, old, new)


def _side_by_side(
    before: Iterator[PathEntry], after: Iterator[PathEntry]
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    # Both come depth first with names sorted, which is the order of their paths part by part.
    old = ((path, "before", entry) for path, entry in before)
    new = ((path, "after", entry) for path, entry in after)
    merged = heapq.merge(old, new, key=lambda found: _order(found[0]))
    for path, group in groupby(merged, key=lambda found: found[0]):
        sides = {side: entry for _, side, entry in group}
        yield path, sides.get("before"), sides.get("after")


def _order(path: bytes) -> bytes:
    # No name holds the smallest byte, so it separates names as the end of one does.
    return path.replace(b"/", b"\0")


def _kind(before: Entry | None, after: Entry | None) -> ChangeKind | None:
    if before is None:
        return ChangeKind.ADDED
    if after is None:
        return ChangeKind.REMOVED
    if before.type is not after.type:
        return ChangeKind.TYPE
    if _content(before) != _content(after):
        return ChangeKind.CONTENT
    return None if _metadata(before) == _metadata(after) else ChangeKind.METADATA


def _content(entry: Entry) -> tuple[object, ...]:
    # A further name of a file has no digest of its own; its size and times tell with the metadata.
    size = 0 if entry.type is EntryType.DIRECTORY else entry.size
    return size, entry.digest, entry.target, entry.device


def _metadata(entry: Entry) -> tuple[object, ...]:
    # Inode, ctime and link numbers differ between copies of the same tree; nobody restores them.
    return entry.mode, entry.uid, entry.gid, entry.mtime_ns, sorted(entry.xattrs), bool(entry.link_id)
