"""Packs on their way to a reader: fetched whole, checked against their name, the last few kept."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from strongroom.repository.errors import TamperedError, TruncatedError
from strongroom.repository.head import PackRef
from strongroom.repository.layout import pack_key
from strongroom.repository.objects import get_object
from strongroom.repository.pack import OpenPack
from strongroom.storage.store import Store

KEPT = 4
"""For reading in the order of the tree: two workers write a stream into two packs by turns, and twice that also covers
the step from one pair to the next."""


def fetch_pack(store: Store, repo_id: UUID, ref: PackRef) -> OpenPack:
    """Read a pack and check its size, SHA-256 and directory.

    Raises MissingObjectError, TruncatedError, TamperedError or UnknownVersionError.
    """
    key = pack_key(ref.session_id, ref.sha256)
    raw = get_object(store, key)
    if len(raw) < ref.size:
        raise TruncatedError(f"Pack {key!r} has {len(raw)} of its {ref.size} bytes.", key=key)
    if len(raw) != ref.size or hashlib.sha256(raw).digest() != ref.sha256:
        raise TamperedError(f"Pack {key!r} does not hold the bytes its name promises.", key=key)
    return OpenPack(raw, ref.key, ids=(repo_id, ref.session_id))


class PackCache:
    """Gives frames of packs to several threads; each pack is fetched once while it is wanted."""

    def __init__(self, store: Store, repo_id: UUID, packs: Iterable[PackRef], *, kept: int = KEPT) -> None:
        self._store = store
        self._repo_id = repo_id
        self._most = kept
        self._refs = {ref.ordinal: ref for ref in packs}
        self._kept: OrderedDict[int, OpenPack] = OrderedDict()
        self._locks = {ordinal: threading.Lock() for ordinal in self._refs}
        self._lock = threading.Lock()

    def pack(self, ordinal: int) -> OpenPack:
        """Return a pack, fetched if need be; raises what fetch_pack raises."""
        if ordinal not in self._refs:
            raise TamperedError(f"The backup refers to pack {ordinal}, which its manifest does not list.")
        with self._locks[ordinal]:
            return self._find(ordinal) or self._fetch(ordinal)

    def frame(self, ordinal: int, number: int) -> bytes:
        """Return the plaintext of one frame."""
        return self.pack(ordinal).read(number)

    def _find(self, ordinal: int) -> OpenPack | None:
        with self._lock:
            pack = self._kept.get(ordinal)
            if pack is not None:
                self._kept.move_to_end(ordinal)
            return pack

    def _fetch(self, ordinal: int) -> OpenPack:
        pack = fetch_pack(self._store, self._repo_id, self._refs[ordinal])
        with self._lock:
            self._kept[ordinal] = pack
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return pack
