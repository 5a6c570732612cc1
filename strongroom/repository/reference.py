"""An earlier state of a source that a new backup may stand upon: its packs, as far as they are there, and its tree."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.checkpoint import Predecessor
from strongroom.repository.errors import BackupNotFoundError, MissingObjectError
from strongroom.repository.head import ManifestHead, PackRef, PackTable
from strongroom.repository.layout import pack_key, session_pack_prefix
from strongroom.repository.packcache import PackCache
from strongroom.repository.placements import Place
from strongroom.repository.reader import BackupReader
from strongroom.repository.retiring import is_retired
from strongroom.repository.treestream import decode_tree
from strongroom.storage.store import Store
from strongroom.tree.content import Step

TreeFrames = dict[bytes, Place]
"""Where frames of the tree stream lie, by chunk id; it grows while a tree is read."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A stored state: packs that were seen to be there, the tree's steps, and when its source was first looked at.

    `walk` may be called more than once; it notes the frames of the tree that it has passed. `top` is the highest pack
    ordinal that any of its extents may name. `origin` names the dead session it is from; a committed backup has none,
    and says how many entries it holds.
    """

    packs: tuple[PackRef, ...] = field(repr=False)
    top: int
    started: datetime
    walk: Callable[[TreeFrames], Iterator[Step]]
    tables: tuple[PackTable, ...] = ()
    origin: Predecessor | None = None
    entries: int = 0


def open_parent(repository: Repository, store: Store, kek: KekProvider, source: str, backup_id: UUID) -> Reference:
    """Open a committed backup as a reference and look which of its packs are there: one listing for each session.

    Call it when the session marker that names the parent is stored: of a tombstone that is not seen here, the collector
    that goes by it sees the marker. Raises BackupNotFoundError for a parent that is retired, what opening a backup
    raises, and MissingObjectError if the packs of its tree are not there.
    """
    if is_retired(store, source, backup_id):
        raise BackupNotFoundError(
            f"Backup {backup_id} of source {source!r} is retired in region {store.region!r}.",
            next_step="Bring the catalog up to date: strongroom catalog rebuild",
        )
    head = BackupReader(repository, store, kek, source, backup_id).head
    present = present_packs(store, head.packs)
    _verify_tree_present(head, {pack.ordinal for pack in present})

    def walk(frames: TreeFrames) -> Iterator[Step]:
        cache = PackCache(store, repository.repo_id, present)
        return decode_tree(_frames(cache, head, frames), head.entries)

    top = max((pack.ordinal for pack in head.packs), default=-1)
    return Reference(present, top, head.created_at, walk, head.tables, entries=head.entries)


def present_packs(store: Store, packs: Iterable[PackRef]) -> tuple[PackRef, ...]:
    """Return those packs that the region lists with their size."""
    wanted = list(packs)
    sizes = {
        info.key: info.size
        for session in sorted({pack.session_id for pack in wanted})
        for info in store.list(session_pack_prefix(session))
    }
    return tuple(pack for pack in wanted if sizes.get(pack_key(pack.session_id, pack.sha256)) == pack.size)


def _verify_tree_present(head: ManifestHead, present: set[int]) -> None:
    lost = {run.pack for run in head.tree} - present
    if lost:
        raise MissingObjectError(f"{len(lost)} packs of the tree of backup {head.backup_id} are missing.")


def _frames(cache: PackCache, head: ManifestHead, frames: TreeFrames) -> Iterator[bytes]:
    for place in head.frames():
        ordinal, number = place
        pack = cache.pack(ordinal)
        plain = pack.read(number)
        frames.setdefault(pack.rows[number].chunk_id, place)
        yield plain
