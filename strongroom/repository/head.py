"""What a manifest says: whose backup it is, its counts, its packs with their keys, and where its tree lies."""

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
    """Where one frame of the tree stream lies: pack ordinal and frame number."""

    pack: int
    frame: int


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """A whole manifest. `entries` counts every entry of the tree, `files` those that are not directories.

    `source_bytes` is what the content holds without holes, `stored_bytes` the size of this session's packs,
    `reused_bytes` the content that was found to be stored already. The first thousand problems are listed; all are
    counted.
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
