"""Packs in the making: who gets which ordinal, key and buffer, and how full packs reach the region."""

import hashlib
import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from mmap import mmap
from uuid import UUID

import blake3

from strongroom.clock import RandomBytes
from strongroom.repository.buffers import LOOK_SECONDS, BufferPool, Gate
from strongroom.repository.checkpointing import Checkpoints, Sink
from strongroom.repository.compression import ChunkCompressor, Compressor
from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError
from strongroom.repository.frame import FrameKind
from strongroom.repository.head import PackRef
from strongroom.repository.layout import pack_key
from strongroom.repository.pack import MAX_PACK_FRAMES, OpenPack, PackBuilder, buffer_bytes
from strongroom.repository.placements import Place
from strongroom.repository.stopping import Halt
from strongroom.storage.store import Evidence, ReadingStore, Store, is_reading_back
from strongroom.tracing import same_ids

LARGEST_CHUNK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PackTarget:
    """Where, how and by how many threads packs are filled and stored; `ids` are those of repository and session."""

    store: Store
    ids: tuple[UUID, UUID]
    chunk_id_key: bytes = field(repr=False)
    checkpoint: Sink
    pack_bytes: int
    level: int
    workers: int
    uploads: int
    verify: bool


@dataclass(slots=True)
class DraftPack:
    """A pack that is being filled, with the buffer it lies in."""

    ordinal: int
    key: bytes = field(repr=False)
    buffer: mmap = field(repr=False)
    builder: PackBuilder = field(repr=False)


class Shelf:
    """Hands out drafts and stores full packs in threads of its own, at most `uploads` at once.

    One draft per filler and one buffer per upload is all there ever is, so a slow region slows the fillers down.
    """

    def __init__(
        self, target: PackTarget, *, fillers: int, halt: Halt, random: RandomBytes, first_ordinal: int = 0
    ) -> None:
        self.target = target
        self.checkpoints = Checkpoints(target.checkpoint, halt, pack_bytes=target.pack_bytes, uploads=target.uploads)
        self._random = random
        self._halt = halt
        self._lock = threading.Lock()
        self._next = first_ordinal
        self._packs: list[PackRef] = []
        self._stored = 0
        self._evidence = Evidence.CHECKSUM
        self._buffers = BufferPool(fillers + target.uploads, buffer_bytes(target.pack_bytes, LARGEST_CHUNK))
        self._uploader = ThreadPoolExecutor(target.uploads, "pack-upload", initializer=same_ids())
        self._pending: set[Future[None]] = set()

    def draft(self, compressor: Compressor, gate: Gate) -> DraftPack:
        """Begin a pack; waits while all buffers are on their way to the region."""
        buffer = self._buffers.acquire(gate)
        with self._lock:
            ordinal, key = self._next, self._random(32)
            self._next += 1
        return DraftPack(ordinal, key, buffer, PackBuilder(buffer, key, ids=self.target.ids, compressor=compressor))

    def submit(self, draft: DraftPack) -> None:
        """Close a pack and have it stored."""
        # Closed here and not by the upload: it compresses, with the compressor of the thread that fills packs.
        future = self._uploader.submit(self._store, draft, draft.builder.close())
        with self._lock:
            self._pending.add(future)
        # Callbacks run in this order: an upload that fails is known to have failed before it stops being waited for.
        self._halt.watch(future)
        future.add_done_callback(self._forget)

    def wait(self, gate: Gate) -> None:
        """Wait until every submitted pack is stored."""
        while True:
            with self._lock:
                waiting = set(self._pending)
            gate()
            if not waiting:
                return
            futures.wait(waiting, timeout=LOOK_SECONDS)

    def packs(self) -> tuple[PackRef, ...]:
        """Return the stored packs by ordinal."""
        with self._lock:
            return tuple(sorted(self._packs, key=lambda pack: pack.ordinal))

    @property
    def top(self) -> int:
        """Return the highest ordinal that was given to a pack."""
        return self._next - 1

    @property
    def stored_bytes(self) -> int:
        """Return the size of the stored packs."""
        return self._stored

    @property
    def evidence(self) -> Evidence:
        """Return the weakest evidence by which the store showed that it holds the packs."""
        return self._evidence

    def close(self) -> None:
        """Wait for uploads under way and drop those that have not begun."""
        self._uploader.shutdown(wait=True, cancel_futures=True)
        self.checkpoints.close()

    def _forget(self, future: "Future[None]") -> None:
        with self._lock:
            self._pending.discard(future)

    def _store(self, draft: DraftPack, body: memoryview) -> None:
        self._halt.verify_running()
        sha256, evidence = self._put(draft, body)
        pack = PackRef(draft.ordinal, self.target.ids[1].bytes, sha256, len(body), draft.key)
        with self._lock:
            self._evidence = self._evidence.weaker(evidence)
            self._packs.append(pack)
            self._stored += len(body)
        self.checkpoints.stored(pack)
        self._buffers.release(draft.buffer)

    def _put(self, draft: DraftPack, body: memoryview) -> tuple[bytes, Evidence]:
        """Store a pack and return its SHA-256, and how the store showed that it holds it."""
        store = self.target.store
        if is_reading_back(store):
            return self._put_read_back(store, draft, body)
        sha256 = hashlib.sha256(body).digest()
        if self.target.verify:
            verify_pack(body, draft.key, self.target)
        self.checkpoints.admit(len(body))
        key = pack_key(self.target.ids[1], sha256)
        return sha256, store.put(key, body, sha256=sha256) or store.confirm(key, size=len(body), sha256=sha256)

    def _put_read_back(self, store: ReadingStore, draft: DraftPack, body: memoryview) -> tuple[bytes, Evidence]:
        """Look at what the disk gives back, and name that: one look shows that sealing and writing went well."""
        self.checkpoints.admit(len(body))
        with store.written(body) as place:
            verify_pack(body, draft.key, self.target)
            sha256 = hashlib.sha256(body).digest()
            return sha256, place(pack_key(self.target.ids[1], sha256))


def verify_pack(body: memoryview, key: bytes, target: PackTarget) -> None:
    """Decode a pack before it is stored and compare every chunk id, or verify its seals alone; raises TamperedError.

    What memory, a disk or, if it is decoded, a fault in a library did to it is found while the source is still there.
    """
    try:
        pack = OpenPack(body, key, ids=target.ids)
        if target.verify:
            _verify_chunks(pack, target.chunk_id_key)
        else:
            _verify_seals(pack)
    except (TamperedError, TruncatedError, UnknownVersionError) as error:
        raise TamperedError(
            f"A pack was not stored, because it does not open again as it was made: {error}",
            next_step="Run the backup again; if it happens twice, test this machine's memory and the region's disk.",
        ) from error


def _verify_seals(pack: OpenPack) -> None:
    for number in range(len(pack.rows)):
        pack.verify_seal(number)


def _verify_chunks(pack: OpenPack, chunk_id_key: bytes) -> None:
    for number, row in enumerate(pack.rows):
        if blake3.blake3(pack.read(number), key=chunk_id_key).digest() != row.chunk_id:
            raise TamperedError(f"Frame {number} changed between hashing and sealing.")


class PackFiller:
    """Fills one pack after the other; belongs to one thread."""

    def __init__(self, shelf: Shelf, gate: Callable[[], None]) -> None:
        self._shelf = shelf
        self._gate = gate
        self._compressor = ChunkCompressor(shelf.target.level)
        self._draft: DraftPack | None = None

    def place(self, kind: FrameKind, chunk_id: bytes, plain: memoryview) -> Place:
        """Seal a chunk into the current pack and return where it lies; `send_full` is to follow."""
        draft = self._draft or self._shelf.draft(self._compressor, self._gate)
        self._draft = draft
        return draft.ordinal, draft.builder.add(kind, chunk_id, plain)

    def send_full(self) -> None:
        """Send the current pack away if it is full: when the place of its last chunk has been noted, not before."""
        builder = None if self._draft is None else self._draft.builder
        if builder and (builder.size >= self._shelf.target.pack_bytes or builder.frames == MAX_PACK_FRAMES):
            self.finish()

    def finish(self) -> None:
        """Send the current pack away, if there is one."""
        if self._draft is not None:
            self._shelf.submit(self._draft)
        self._draft = None
