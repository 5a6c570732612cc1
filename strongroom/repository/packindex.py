"""Which chunks lie in which packs, read from the packs' own directories: no index object, nothing to compact."""

from collections.abc import Iterable
from uuid import UUID

from strongroom.errors import IntegrityError
from strongroom.repository.ahead import ahead
from strongroom.repository.errors import UnknownVersionError
from strongroom.repository.head import PackRef
from strongroom.repository.layout import pack_key
from strongroom.repository.pack import DirectoryRow, NeedsMoreError, open_directory
from strongroom.repository.placements import Place
from strongroom.storage.errors import ObjectNotFoundError
from strongroom.storage.store import Store

TAIL_BYTES = 16 * 1024
MAX_CHUNKS = 400_000
"""Chunks that are remembered, at some 150 bytes each; what is beyond them is stored again where it was moved."""

_THREADS = 4


class ChunkIndex:
    """Finds chunks in packs that were written earlier. One thread loads, any number looks up."""

    def __init__(self, store: Store, packs: Iterable[PackRef]) -> None:
        self._store = store
        self._left = {pack.ordinal: pack for pack in packs}
        self._places: dict[bytes, Place] = {}

    def find(self, chunk_id: bytes) -> Place | None:
        """Return where a chunk lies, as far as the packs were loaded."""
        return self._places.get(chunk_id)

    def load(self, repo_id: UUID, ordinals: Iterable[int]) -> None:
        """Read the directories of packs; one that cannot be read has no chunks that could be relied on."""
        wanted = [self._left.pop(ordinal) for ordinal in ordinals if ordinal in self._left]
        if len(self._places) >= MAX_CHUNKS:
            return
        read = ahead(lambda pack: _rows(self._store, repo_id, pack), wanted, threads=_THREADS, window=2 * _THREADS)
        for pack, rows in read:
            self._places.update((row.chunk_id, (pack.ordinal, number)) for number, row in enumerate(rows))

    def load_all(self, repo_id: UUID) -> None:
        """Read the directories of all packs that are not loaded yet."""
        self.load(repo_id, list(self._left))


def read_directory(store: Store, repo_id: UUID, pack: PackRef) -> list[DirectoryRow]:
    """Read a pack's directory without the pack; raises ObjectNotFoundError or an integrity error."""
    key, ids = pack_key(pack.session_id, pack.sha256), (repo_id, pack.session_id)
    wanted = min(TAIL_BYTES, pack.size)
    try:
        return open_directory(store.get_range(key, -wanted, wanted), pack.size, pack.key, ids=ids)
    except NeedsMoreError as more:
        return open_directory(store.get_range(key, -more.needed, more.needed), pack.size, pack.key, ids=ids)


def _rows(store: Store, repo_id: UUID, pack: PackRef) -> list[DirectoryRow]:
    try:
        return read_directory(store, repo_id, pack)
    except (IntegrityError, UnknownVersionError, ObjectNotFoundError):
        return []
