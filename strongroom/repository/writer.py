"""Writing a backup, in the order that makes every crash harmless: marker, packs, manifest, key slots, commit."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from types import TracebackType
from uuid import UUID

from strongroom.clock import Clock, RandomBytes
from strongroom.errors import StrongroomError
from strongroom.keyring.provider import KekProvider
from strongroom.repository.access import Repository
from strongroom.repository.baseline import Baseline
from strongroom.repository.checkpoint import (
    Checkpoint,
    CheckpointHead,
    CheckpointPlace,
    Predecessor,
    seal_checkpoint,
)
from strongroom.repository.checkpointing import Notes, Sink
from strongroom.repository.cleaning import discard_checkpoints
from strongroom.repository.commit import CommitRecord, Outcome, create_commit
from strongroom.repository.datakey import DataKey, make_data_key, put_slot
from strongroom.repository.filling import Filling, Totals, WriteProgress
from strongroom.repository.head import ManifestHead
from strongroom.repository.layout import backup_slots, checkpoint_key
from strongroom.repository.objects import put_object
from strongroom.repository.pack import MAX_PACK_BYTES, buffer_bytes
from strongroom.repository.root import SourceKeys
from strongroom.repository.sealing import SealedManifest, seal_backup
from strongroom.repository.session import BackupIdentity, put_session, verify_pinned
from strongroom.repository.shelf import LARGEST_CHUNK, PackTarget
from strongroom.storage.store import Evidence, Store
from strongroom.tree.content import Problem, Walk

__all__ = ["BackupIdentity", "BackupSummary", "BackupWriter", "WriteProgress", "WriterOptions"]

MAX_LISTED_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """How a writer works; a pack is closed at `pack_bytes`, or before its last chunk could take it beyond 64 MiB."""

    compression_level: int = 1
    pack_bytes: int = 8 * 1024 * 1024
    workers: int = 2
    uploads: int = 2
    verify_packs: bool = True

    def __post_init__(self) -> None:
        if min(self.pack_bytes, self.workers, self.uploads) < 1:
            raise ValueError("a writer needs room in a pack, a worker and an upload")


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a sealed backup holds; see ManifestHead for the counts. `key_versions` names each region's KEK version.

    `evidence` is the weakest by which the region showed that it holds the packs; the rest was read back.
    """

    files: int
    source_bytes: int
    stored_bytes: int
    reused_bytes: int
    objects: int
    problems: tuple[Problem, ...]
    problem_count: int
    facts: dict[str, str | int]
    manifest_sha256: bytes
    key_versions: dict[str, str]
    evidence: Evidence


@dataclass(repr=False, eq=False)
class BackupWriter:
    """Writes one backup in one session: begin, write, seal, commit, in this order.

    `on_progress` is called from the calling thread about once a second and may raise; the error comes out of `write`.
    Leave the writer (it is a context manager) to stop its threads. Nothing is undone: what an unfinished session leaves
    is garbage that no commit record refers to.
    """

    repository: Repository
    store: Store
    keks: Mapping[str, KekProvider]
    identity: BackupIdentity
    _: KW_ONLY
    options: WriterOptions
    clock: Clock
    random: RandomBytes
    on_progress: Callable[[WriteProgress], None]

    def __post_init__(self) -> None:
        self._created_at = self.clock.now()
        self._filling: Filling | None = None
        self._totals: Totals | None = None
        self._sealed: SealedManifest | None = None
        self._data_key: DataKey | None = None
        self._checkpoints = 0

    def __enter__(self) -> "BackupWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._filling is not None:
            self._filling.close()

    def begin(self) -> None:
        """Store the session marker, which pins the packs to come."""
        put_session(self.repository, self.store, self.identity, self.clock)

    def stand_upon(self, kind: str, parent_id: UUID | None) -> None:
        """Take another parent, before anything is written, and store the marker again, which then pins that one."""
        self.identity = replace(self.identity, kind=kind, parent_id=parent_id)
        self.begin()

    def write(self, walk: Walk, baseline: Baseline | None = None) -> None:
        """Read the walk to its end and store its packs; raises the source's, the store's or on_progress's error.

        What the baseline knows is taken over. Look which of its packs are there after `begin` only: it pins them.
        """
        keys = self.repository.source_keys(self.identity.source)
        baseline = baseline or Baseline(self.store, self.repository.repo_id)
        self._filling = Filling(
            self._target(keys, self._sink(baseline.upon)),
            keys,
            baseline,
            clock=self.clock,
            random=self.random,
            on_progress=self.on_progress,
        )
        self._totals = self._filling.fill(walk)

    def seal(self) -> BackupSummary:
        """Store manifest and key slots, read all of it back, decrypt and compare."""
        if self._totals is None:
            raise ValueError("nothing was written yet")
        head = self._head(self._totals)
        data_key = self._data_key or make_data_key(self.repository.repo_id, self.identity, self.keks)
        self._sealed = seal_backup(self.repository, self.store, self.keks, head, data_key)
        return BackupSummary(
            files=head.files,
            source_bytes=head.source_bytes,
            stored_bytes=head.stored_bytes + self._sealed.size,
            reused_bytes=head.reused_bytes,
            objects=len(head.packs) + 1,
            problems=head.problems,
            problem_count=head.problem_count,
            facts=head.facts,
            manifest_sha256=self._sealed.sha256,
            key_versions=self._sealed.key_versions,
            evidence=self._totals.evidence,
        )

    def commit(self) -> CommitRecord:
        """Create the commit record; a second call for the same content returns the same.

        Raises CommitRefusedError, and SessionLostError where the marker that pins the packs has gone.
        """
        if self._sealed is None:
            raise ValueError("nothing was sealed yet")
        verify_pinned(self.store, self.identity.session_id)
        record = CommitRecord(
            outcome=Outcome.COMMIT,
            repo=self.repository.repo_id,
            source=self.identity.source,
            backup_id=self.identity.backup_id,
            session_id=self.identity.session_id,
            kind=self.identity.kind,
            created_at=self._created_at,
            committed_at=self.clock.now(),
            manifest_sha256=self._sealed.sha256,
            manifest_size=self._sealed.size,
        )
        standing = create_commit(self.repository, self.store, record)
        if self._checkpoints:
            # The backup is made; what is left over is garbage that a collector finds too.
            with contextlib.suppress(StrongroomError):
                discard_checkpoints(self.store, self.identity.session_id)
        return standing

    def _sink(self, upon: tuple[Predecessor, ...]) -> Sink:
        place = CheckpointPlace(self.repository.repo_id, self.identity.backup_id, self.identity.session_id)

        def write(notes: Notes) -> None:
            number = self._checkpoints
            head = CheckpointHead(number, self._created_at, self.identity.parent_id, upon, notes.top, notes.places)
            raw = seal_checkpoint(place, self._stored_key().secret, Checkpoint(head, notes.packs, notes.tree))
            put_object(self.store, checkpoint_key(place.session_id, number), raw)
            self._checkpoints += 1

        return write

    def _stored_key(self) -> DataKey:
        """Return the data key, whose first slot is stored before anything is sealed with it."""
        if self._data_key is None:
            made = make_data_key(self.repository.repo_id, self.identity, self.keks)
            slots = backup_slots(self.identity.backup_id, self.identity.session_id)
            put_slot(self.repository, self.store, slots, (made.home, made.wrapped, made.context))
            self._data_key = made
        return self._data_key

    def _target(self, keys: SourceKeys, sink: Sink) -> PackTarget:
        return PackTarget(
            store=self.store,
            ids=(self.repository.repo_id, self.identity.session_id),
            chunk_id_key=keys.chunk_id,
            checkpoint=sink,
            pack_bytes=min(self.options.pack_bytes, MAX_PACK_BYTES - buffer_bytes(0, LARGEST_CHUNK)),
            level=self.options.compression_level,
            workers=self.options.workers,
            uploads=self.options.uploads,
            verify=self.options.verify_packs,
        )

    def _head(self, totals: Totals) -> ManifestHead:
        identity = self.identity
        return ManifestHead(
            repo=self.repository.repo_id,
            source=identity.source,
            source_kind=identity.source_kind,
            backup_id=identity.backup_id,
            session_id=identity.session_id,
            kind=identity.kind,
            policy=identity.policy,
            parent_id=identity.parent_id,
            created_at=self._created_at,
            entries=totals.entries,
            files=totals.files,
            source_bytes=totals.source_bytes,
            stored_bytes=totals.stored_bytes,
            reused_bytes=totals.reused_bytes,
            problem_count=len(totals.problems),
            problems=tuple(totals.problems[:MAX_LISTED_PROBLEMS]),
            facts=totals.facts,
            packs=totals.packs,
            tree=totals.tree,
            tables=totals.tables,
        )
