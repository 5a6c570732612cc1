"""What a manifest says: whose backup it is, its counts, its packs with their keys, and where its tree lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from strongroom.tree.content import Problem


class PackRef(msgspec.Struct, array_like=True, frozen=True):
    """A pack a backup needs: its ordinal in extents, the session that wrote it (16 bytes), SHA-256, size and key."""

    ordinal: int
    session: bytes
    sha256: bytes
    size: int
    key: bytes

    def __repr__(self) -> str:
        return f"PackRef({self.ordinal}, {self.sha256.hex()[:12]}, {self.size} bytes, key hidden)"

    @property
    def session_id(self) -> UUID:
        """Return the id of the session that wrote the pack."""
        return UUID(bytes=self.session)


class TreeRun(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where frames of the tree stream lie, one behind the other: pack ordinal, first frame number, how many."""

    pack: int
    frame: int
    count: int = 1


class PackTable(msgspec.Struct, array_like=True, frozen=True):
    """A pack whose only frame lists further packs: its ordinal, and how many it lists.

    `rows` are read from there; a manifest that was just opened does not have them yet.
    """

    pack: int
    count: int
    rows: tuple[PackRef, ...] = ()


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """A whole manifest. `entries` counts every entry of the tree, `files` those that are not directories.

    `packs` are all packs the backup needs, those that `tables` list included. `source_bytes` is what the content holds
    without holes, `stored_bytes` the size of the packs that its parent does not have, `reused_bytes` the content that
    was found to be stored already. The first thousand problems are listed; all are counted.
    """

    repo: UUID
    source: str
    source_kind: str
    backup_id: UUID
    session_id: UUID
    kind: str
    policy: str
    parent_id: UUID | None
    created_at: datetime
    entries: int
    files: int
    source_bytes: int
    stored_bytes: int
    reused_bytes: int
    problem_count: int
    problems: tuple[Problem, ...]
    facts: dict[str, str | int]
    packs: tuple[PackRef, ...] = ()
    tree: tuple[TreeRun, ...] = ()
    tables: tuple[PackTable, ...] = ()

    def frames(self) -> Iterator[tuple[int, int]]:
        """Yield pack ordinal and frame number of every frame of the tree stream, in order."""
        for run in self.tree:
            for frame in range(run.frame, run.frame + run.count):
                yield run.pack, frame
