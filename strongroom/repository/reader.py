"""Reading a backup: its tree, its bytes pack by pack, or one entry as a stream."""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TypeVar
from uuid import UUID

import blake3
import msgspec

from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.ahead import ahead
from strongroom.repository.blocks import BlockHasher
from strongroom.repository.errors import TamperedError
from strongroom.repository.extents import runs_at
from strongroom.repository.handing import FrameWanted, HandingPool, PackWanted, Target
from strongroom.repository.head import ManifestHead
from strongroom.repository.opening import get_committed, open_committed
from strongroom.repository.packcache import KEPT, PackCache
from strongroom.repository.treestream import decode_tree
from strongroom.storage.store import Store
from strongroom.tree.content import Step
from strongroom.tree.entry import Entry

__all__ = ["BackupReader", "ManifestHead", "Piece"]

_ZEROS = memoryview(bytes(1024 * 1024))
_WINDOW_PER_THREAD = 2

R = TypeVar("R")


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a wanted entry: the caller's token, where in the content they go, and the bytes."""

    token: int
    offset: int
    data: memoryview


class BackupReader:
    """One committed backup in one region.

    Opening raises BackupNotFoundError, WrongKeyError, MissingObjectError, TruncatedError, TamperedError or
    UnknownVersionError; reading raises the last four.
    """

    def __init__(
        self, repository: Repository, store: Store, kek: KekProvider, source: str, backup_id: UUID, *, threads: int = 2
    ) -> None:
        self.repository = repository
        self.store = store
        self.threads = threads
        self.commit = get_committed(repository, store, source, backup_id)
        self.head: ManifestHead = open_committed(repository, store, kek, self.commit)
        self._window = threads * _WINDOW_PER_THREAD

    def walk(self) -> Iterator[Step]:
        """Yield the tree's steps in order; the content of an Item is None, its extents say where it lies."""
        cache = self._cache()
        # Opened here: a frame of the tree is small, and handing it from one thread to another costs more than that.
        return decode_tree((cache.frame(*at) for at in self.head.frames()), self.head.entries)

    def hand_out(self, wanted: Iterable[tuple[int, Entry]], take: Callable[[list[Piece]], R]) -> Iterator[R]:
        """Hand the data of entries to `take`, pack by pack, each pack and frame read once; yield the results.

        `take` is called with all pieces of one frame, in several threads at once. Holes are left out. A file is whole
        when pieces for all its runs have come, in whatever order.
        """

        def cut_and_take(plain: bytes, targets: list[Target]) -> R:
            view = memoryview(plain)
            return take([Piece(token, at, _cut_out(view, start, length)) for start, length, token, at in targets])

        packs = _packs_wanted(_by_pack(wanted))
        yield from HandingPool(packs, self._cache(kept=0).pack, cut_and_take, threads=self.threads).run()

    def stream(self, entry: Entry) -> Iterator[memoryview]:
        """Yield one entry's bytes in order, holes as zeros; raises TamperedError at the end if the digest differs."""
        cache = self._cache()
        keys = self.repository.source_keys(self.head.source)
        hasher = BlockHasher(keys) if entry.blocks else blake3.blake3(key=keys.content)
        position = 0
        opened = ahead(
            lambda at: cache.frame(at[1].pack, at[1].frame),
            runs_at(entry.extents),
            threads=self.threads,
            window=self._window,
        )
        for (offset, run), plain in opened:
            yield from _zeros(offset - position)
            data = _cut_out(memoryview(plain), run.offset, run.length)
            hasher.update(data)
            yield data
            position = offset + run.length
        yield from _zeros(entry.size - position)
        if hasher.digest() != entry.digest:
            raise TamperedError("The content of an entry does not match the digest it was stored with.")

    def _cache(self, kept: int = KEPT) -> PackCache:
        return PackCache(self.store, self.repository.repo_id, self.head.packs, kept=kept)


def _by_pack(wanted: Iterable[tuple[int, Entry]]) -> dict[int, "array[int]"]:
    """Sort runs by pack, as flat numbers: a million of them take 40 MB."""
    packs: dict[int, array[int]] = {}
    for token, entry in wanted:
        for offset, run in runs_at(entry.extents):
            packs.setdefault(run.pack, array("q")).extend((run.frame, run.offset, run.length, token, offset))
    return packs


def _packs_wanted(packs: dict[int, "array[int]"]) -> Iterator[PackWanted]:
    for pack in sorted(packs):
        numbers = iter(packs.pop(pack))
        rows = sorted(zip(numbers, numbers, numbers, numbers, numbers, strict=True))
        frames = groupby(rows, key=itemgetter(0))
        yield PackWanted(pack, deque(FrameWanted(frame, [row[1:] for row in group]) for frame, group in frames))


def _cut_out(plain: memoryview, start: int, length: int) -> memoryview:
    if not 0 <= start <= start + length <= len(plain):
        raise TamperedError("An extent reaches beyond the end of its frame.")
    return plain[start : start + length]


def _zeros(count: int) -> Iterator[memoryview]:
    while count > 0:
        block = _ZEROS[:count]
        yield block
        count -= len(block)
