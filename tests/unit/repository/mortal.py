"""A process that may be killed at any call to its region, and what the survivors know of it."""

import itertools
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import groupby

from strongroom.repository.baseline import Baseline
from strongroom.repository.check import check_data
from strongroom.repository.cleaning import discard_session
from strongroom.repository.collection import apply_collection, plan_collection
from strongroom.repository.commit import Outcome, abort_session, find_commit, list_commits
from strongroom.repository.reader import BackupReader
from strongroom.repository.reference import open_parent
from strongroom.repository.resuming import find_predecessors
from strongroom.repository.retiring import list_tombstones, retire_backup
from strongroom.repository.session import BackupIdentity
from strongroom.repository.writer import WriterOptions
from strongroom.storage.store import Store
from strongroom.testing.stores import Fault, FaultyStore, MemoryStore, Moment, Operation
from strongroom.tree.content import Enter, Item, Leave, Step
from strongroom.tree.entry import Entry, EntryType
from tests.unit.repository.room import Room
from tests.unit.repository.trees import MemoryContent, MemoryWalk, directory

LONG_AGO = 1_600_000_000_000_000_000
OPTIONS = WriterOptions(pack_bytes=1, workers=2, uploads=2)
"""Every chunk is a pack, so that there are checkpoints however little there is to store."""

NAMES = (b"a", b"b", b"f/a", b"f/c", b"f/g/a", b"k/x")
BODIES = (b"", b"text", b"other text", *(bytes([number]) * 530_000 for number in (1, 2)))
"""What a file may hold; the last are too large for a bundle, and so have chunks of their own."""

Tree = dict[bytes, tuple[int, int]]
"""The path of each file, which of the bodies it holds, and when it was changed last."""


class KilledError(BaseException):
    """What a killed process never sees."""


class Death:
    """Kills at the n-th call to the store, whatever it is; after that no call is answered any more."""

    def __init__(self, call: int | None, moment: Moment = Moment.BEFORE) -> None:
        self.calls = 0
        self._deadly = call
        self._moment = moment
        self._lock = threading.Lock()

    def store(self, store: Store) -> FaultyStore:
        """Return the store as the process sees it that is to die."""
        plan = [
            Fault(operation, strike, times=1 << 30, moment=moment)
            for operation in Operation
            for moment, strike in ((Moment.BEFORE, self._before), (Moment.AFTER, self._after))
        ]
        return FaultyStore(store, plan)

    def _before(self) -> None:
        with self._lock:
            self.calls += 1
            past = self._deadly is not None and self.calls > self._deadly - (self._moment is Moment.BEFORE)
        if past:
            raise KilledError

    def _after(self) -> None:
        with self._lock:
            past = self._deadly is not None and self.calls >= self._deadly
        if past:
            raise KilledError


@dataclass
class Survivors:
    """A region, and what must be true of it: every backup that was committed reads back as what it was made of."""

    room: Room = field(default_factory=Room)
    tree: Tree = field(default_factory=dict)
    expected: dict[uuid.UUID, dict[bytes, bytes]] = field(default_factory=dict)
    live: list[BackupIdentity] = field(default_factory=list)
    dead: list[BackupIdentity] = field(default_factory=list)
    """The attempts at the one backup that is not decided yet, newest first."""
    version: int = 0

    def fork(self) -> "Survivors":
        """Return another region with the same in it."""
        room = copy(self.room)
        room.stores = {name: MemoryStore(name) for name in room.stores}
        room.home.objects.update(self.room.home.objects)
        return Survivors(room, dict(self.tree), dict(self.expected), list(self.live), list(self.dead), self.version)

    def edit(self, changes: Sequence[tuple[bytes, int | None]]) -> None:
        """Change files, or remove them."""
        for name, body in changes:
            self.version += 1
            self.tree.pop(name, None)
            if body is not None:
                self.tree[name] = (body, self.version)

    def back_up(self, kind: str, death: Death) -> None:
        """Make a backup, or another attempt at the one that died."""
        identity = self._next_attempt(kind)
        store = death.store(self.room.home)
        self.dead.insert(0, identity)
        self.expected[identity.backup_id] = {path: BODIES[body] for path, (body, _) in self.tree.items()}
        with suppress(KilledError):
            self._attempt(identity, store)
        self._look()

    def abort(self, death: Death) -> None:
        """Give up the backup that died, as the reaper does."""
        if not self.dead:
            return
        store, newest = death.store(self.room.home), self.dead[0]
        with suppress(KilledError):
            abort_session(self.room.repository, store, newest, reason="silent", clock=self.room.clock)
            for attempt in self.dead:
                discard_session(store, attempt.source, attempt.backup_id, attempt.session_id)
        self._look()

    def retire(self, death: Death) -> None:
        """Retire the oldest backup that nobody builds upon."""
        pinned = {attempt.parent_id for attempt in self.dead}
        chosen = next((one for one in self.live if one.backup_id not in pinned), None)
        if chosen is None:
            return
        store = death.store(self.room.home)
        with suppress(KilledError):
            retire_backup(self.room.repository, store, "db", chosen.backup_id, reason="old", clock=self.room.clock)
        self._look()

    def collect(self, death: Death) -> None:
        """Delete the garbage."""
        store, kek = death.store(self.room.home), self.room.keks["home"]
        with suppress(KilledError):
            plan = plan_collection(self.room.repository, store, kek, on_progress=lambda: None)
            apply_collection(self.room.repository, store, kek, plan, on_progress=lambda: None)

    def verify(self) -> None:
        """Read every live backup and compare it with what it was made of."""
        for identity in self.live:
            reader = self.room.reader(identity.backup_id)
            assert whole(reader) == self.expected[identity.backup_id]
            assert check_data(reader, on_progress=lambda done, total: None).damage == []

    def _next_attempt(self, kind: str) -> BackupIdentity:
        if self.dead:
            return replace(self.dead[0], session_id=self.room.identity().session_id)
        parents = [one for one in self.live if kind == "incremental" or one.kind == "full"]
        parent = parents[-1].backup_id if parents and kind != "full" else None
        return replace(self.room.identity(parent_id=parent), kind=kind if parent else "full")

    def _attempt(self, identity: BackupIdentity, store: Store) -> None:
        room, kek = self.room, self.room.keks["home"]
        with room.writer(identity, store, options=OPTIONS) as writer:
            writer.begin()
            earlier = [one.session_id for one in self.dead if one.session_id != identity.session_id]
            references = find_predecessors(room.repository, store, kek, identity, earlier)
            if identity.parent_id is not None:
                references.append(open_parent(room.repository, store, kek, "db", identity.parent_id))
            writer.write(walk_over(self.tree), Baseline(store, room.repository.repo_id, references))
            writer.seal()
            writer.commit()

    def _look(self) -> None:
        """Read from the region what became of the backup that died, and which are live."""
        region, repository = self.room.home, self.room.repository
        for attempt in self.dead:
            record = find_commit(repository, region, "db", attempt.backup_id)
            if record is not None and record.session_id == attempt.session_id:
                self.live += [attempt] if record.outcome is Outcome.COMMIT else []
                self.dead = []
                break
        retired = {tombstone.backup_id for tombstone in list_tombstones(repository, region)}
        self.live = [one for one in self.live if one.backup_id not in retired]
        committed = {one.backup_id for one in list_commits(repository, region) if one.outcome is Outcome.COMMIT}
        assert committed - retired == {one.backup_id for one in self.live}


def walk_over(tree: Tree) -> MemoryWalk:
    """Return a walk over a tree whose files have inodes and times as a file system gives them."""
    return MemoryWalk(*_steps([(path.split(b"/"), place) for path, place in sorted(tree.items())]))


def _steps(files: list[tuple[list[bytes], tuple[int, int]]]) -> Iterator[Step]:
    for name, group in groupby(sorted(files), key=lambda one: one[0][0]):
        below = list(group)
        if len(below[0][0]) == 1:
            yield _item(name, *below[0][1])
        else:
            yield Enter(directory(name))
            yield from _steps([(parts[1:], place) for parts, place in below])
            yield Leave()


def _item(name: bytes, body: int, version: int) -> Item:
    data, time = BODIES[body], LONG_AGO + version
    entries = [
        Entry(name, EntryType.FILE, 0o640, size=len(data), mtime_ns=time, ctime_ns=time, inode=version)
        for _ in range(2)
    ]
    return Item(entries[0], MemoryContent(entries[1], data))


def whole(reader: BackupReader) -> dict[bytes, bytes]:
    """Read every file of a backup, by path."""
    found: dict[bytes, tuple[Entry, bytearray]] = {}
    folders: list[bytes] = []
    for step in reader.walk():
        if isinstance(step, Enter):
            folders.append(step.entry.name)
        elif isinstance(step, Leave):
            folders.pop()
        else:
            found[b"/".join([*folders[1:], step.entry.name])] = step.entry, bytearray(step.entry.size)
    entries = list(found.values())
    handed_out = reader.hand_out(((number, entry) for number, (entry, _) in enumerate(entries)), list)
    for piece in itertools.chain.from_iterable(handed_out):
        entries[piece.token][1][piece.offset : piece.offset + len(piece.data)] = piece.data
    return {path: bytes(data) for path, (_, data) in found.items()}
