"""An attempt takes over what a dead one stored: nothing twice, and nothing that is not what it seems."""

import random
import uuid
from collections.abc import Callable, Sequence

import pytest

from strongroom.repository.baseline import Baseline
from strongroom.repository.layout import checkpoint_key, checkpoint_prefix
from strongroom.repository.reference import open_parent
from strongroom.repository.resuming import find_predecessors
from strongroom.repository.session import BackupIdentity
from strongroom.repository.writer import BackupWriter, WriterOptions
from strongroom.sources.files.loads import Load, LoadKind
from strongroom.sources.files.porter import HeldContent
from strongroom.storage.store import Body, Store
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Content, Item, Step
from strongroom.tree.entry import Entry, EntryType
from tests.unit.repository.damage import flip
from tests.unit.repository.room import Finished, Room, contents
from tests.unit.repository.trees import MemoryContent, MemoryWalk, content_of, stream, within

SMALL = 2000
LONG_AGO = 1_600_000_000_000_000_000
OPTIONS = WriterOptions(pack_bytes=400_000)


class DeadProcessError(BaseException):
    """What the rest of a killed process never does."""


class CountingStore(MemoryStore):
    """Shares another store's objects, counts the bytes of packs that are sent, and dies once so many were."""

    def __init__(self, store: MemoryStore, deadly: int | None = None) -> None:
        super().__init__(store.region)
        self.objects = store.objects
        self.sent: list[tuple[str, int]] = []
        self._deadly = deadly

    @property
    def sent_bytes(self) -> int:
        return sum(size for _, size in self.sent)

    def put(self, key: str, body: Body, *, sha256: bytes) -> None:
        if self._deadly is not None and len(self.sent) >= self._deadly:
            raise DeadProcessError
        if key.startswith("p/"):
            self.sent.append((key, len(body)))
        super().put(key, body, sha256=sha256)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(f"{size}:{seed}").randbytes(size)


def item(name: bytes, data: bytes, inode: int) -> Item:
    fields = {"size": len(data), "mtime_ns": LONG_AGO, "ctime_ns": LONG_AGO, "inode": inode}
    entries = [Entry(name, EntryType.FILE, 0o640, **fields) for _ in range(2)]
    return Item(entries[0], MemoryContent(entries[1], data))


def tree(size: int = 150_000, count: int = 120) -> list[Step]:
    files = [item(b"%04d" % number, noise(size, number), number + 1) for number in range(count)]
    half = count // 2
    return [*within(b"a", *files[:half]), *within(b"b", *within(b"c", *files[half:]))]


def held(entry: Entry, data: bytes) -> Content:
    return HeldContent(entry, memoryview(data), Load(LoadKind.HELD))


def small_tree(content: Callable[[Entry, bytes], Content], count: int = 6000) -> list[Step]:
    """More files than may wait for their chunks, every fifth empty, every seventh like others, in directories."""
    steps: list[Step] = []
    for number in range(0, count, 50):
        names = range(number, number + 50)
        data = {one: b"" if one % 5 == 0 else noise(SMALL, 0 if one % 7 == 0 else one) for one in names}
        files = [item(b"%05d" % one, data[one], one + 1) for one in names]
        within_one = [Item(one.entry, content(one.entry, content_of(one).data)) for one in files]
        steps += within(b"%05d" % number, *within_one)
    return steps


def read_names(steps: Sequence[Step]) -> list[bytes]:
    return [step.entry.name for step in steps if isinstance(step, Item) and content_of(step).opened]


def attempt(
    room: Room,
    store: Store,
    identity: BackupIdentity,
    walk: MemoryWalk,
    sessions: Sequence[uuid.UUID] = (),
) -> BackupWriter:
    """Write a backup as one attempt does, up to its manifest."""
    with room.writer(identity, store, options=OPTIONS) as writer:
        writer.begin()
        references = find_predecessors(room.repository, store, room.keks["home"], identity, sessions)
        if identity.parent_id is not None:
            references.append(open_parent(room.repository, store, room.keks["home"], "db", identity.parent_id))
        writer.write(walk, Baseline(store, room.repository.repo_id, references))
        return writer


def die(room: Room, identity: BackupIdentity, walk: MemoryWalk, packs: int, sessions: Sequence[uuid.UUID] = ()) -> int:
    """Have an attempt die while it stores packs; return the bytes of packs that it sent."""
    store = CountingStore(room.home, packs)
    with pytest.raises(DeadProcessError):
        attempt(room, store, identity, walk, sessions)
    return store.sent_bytes


def finish(
    room: Room, identity: BackupIdentity, walk: MemoryWalk, sessions: Sequence[uuid.UUID]
) -> tuple[Finished, int]:
    """Make the backup in a last attempt; return it with the bytes of packs that were sent."""
    store = CountingStore(room.home)
    writer = attempt(room, store, identity, walk, sessions)
    summary = writer.seal()
    return Finished(identity, summary, writer.commit()), store.sent_bytes


@pytest.mark.parametrize("packs", [3, 6, 10, 13])
def test_what_a_dead_session_stored_is_not_stored_again(room: Room, packs: int) -> None:
    undisturbed = CountingStore(MemoryStore("home"))
    undisturbed.objects.update(room.home.objects)
    attempt(room, undisturbed, room.identity(), MemoryWalk(*tree()))
    first = room.identity()
    largest = max(size for _, size in undisturbed.sent)
    sent = die(room, first, MemoryWalk(*tree()), packs)
    again = tree()

    made, resent = finish(room, room.identity(first.backup_id), MemoryWalk(*again), [first.session_id])

    assert sent + resent - undisturbed.sent_bytes <= OPTIONS.uploads * largest + 4096
    assert len(read_names(again)) < len(tree())
    assert contents(room.reader(made.backup_id)) == {
        s.entry.name: content_of(s).data for s in again if isinstance(s, Item)
    }


@pytest.mark.parametrize("packs", [4, 7])
def test_small_files_that_lay_in_memory_are_not_read_again(room: Room, packs: int) -> None:
    undisturbed = CountingStore(MemoryStore("home"))
    undisturbed.objects.update(room.home.objects)
    attempt(room, undisturbed, room.identity(), MemoryWalk(*small_tree(held)))
    first = room.identity()
    sent = die(room, first, MemoryWalk(*small_tree(held)), packs)
    again = small_tree(MemoryContent)

    made, resent = finish(room, room.identity(first.backup_id), MemoryWalk(*again), [first.session_id])

    largest = max(size for _, size in undisturbed.sent)
    assert sent + resent - undisturbed.sent_bytes <= OPTIONS.uploads * largest + 4096
    data = {s.entry.name: content_of(s).data for s in again if isinstance(s, Item)}
    assert sum(map(len, {data[name] for name in read_names(again)})) <= resent
    assert contents(room.reader(made.backup_id)) == data


def test_a_third_attempt_uses_what_both_before_it_stored(room: Room) -> None:
    first = room.identity()
    second, third = room.identity(first.backup_id), room.identity(first.backup_id)
    die(room, first, MemoryWalk(*tree()), 4)
    die(room, second, MemoryWalk(*tree()), 6, [first.session_id])
    again = tree()

    made, _ = finish(room, third, MemoryWalk(*again), [second.session_id, first.session_id])

    sessions = {pack.session_id for pack in room.reader(made.backup_id).head.packs}
    assert sessions == {first.session_id, second.session_id, third.session_id}
    assert contents(room.reader(made.backup_id)) == {
        s.entry.name: content_of(s).data for s in again if isinstance(s, Item)
    }


def test_a_session_that_did_not_know_of_another_is_not_mixed_with_it(room: Room) -> None:
    first = room.identity()
    second, third = room.identity(first.backup_id), room.identity(first.backup_id)
    die(room, first, MemoryWalk(*tree()), 6)
    die(room, second, MemoryWalk(*tree(count=110)), 4)
    again = tree()

    made, _ = finish(room, third, MemoryWalk(*again), [second.session_id, first.session_id])

    assert first.session_id not in {pack.session_id for pack in room.reader(made.backup_id).head.packs}
    assert contents(room.reader(made.backup_id)) == {
        s.entry.name: content_of(s).data for s in again if isinstance(s, Item)
    }


def test_an_incremental_backup_goes_on_upon_its_parent_and_its_dead_session(room: Room) -> None:
    old = [item(b"%04d" % number, noise(40_000, 1000 + number), 1000 + number) for number in range(20)]
    parent = room.back_up(MemoryWalk(*within(b"0", *old)))
    first = room.identity(parent_id=parent.backup_id)
    die(room, first, MemoryWalk(*within(b"0", *old), *tree()), 5)
    again = [*within(b"0", *old), *tree()]

    last = room.identity(first.backup_id, parent_id=parent.backup_id)
    made, _ = finish(room, last, MemoryWalk(*again), [first.session_id])

    sessions = {pack.session_id for pack in room.reader(made.backup_id).head.packs}
    assert sessions == {parent.identity.session_id, first.session_id, last.session_id}
    assert len(contents(room.reader(made.backup_id))) == 120


def test_with_another_parent_nothing_of_the_dead_session_is_used(room: Room) -> None:
    parent = room.back_up(MemoryWalk(item(b"x", b"x", 9999)))
    first = room.identity(parent_id=parent.backup_id)
    die(room, first, MemoryWalk(*tree()), 5)

    made, _ = finish(room, room.identity(first.backup_id), MemoryWalk(*tree()), [first.session_id])

    assert {pack.session_id for pack in room.reader(made.backup_id).head.packs} == {made.identity.session_id}


def test_a_stream_is_read_again_and_its_chunks_are_found(room: Room) -> None:
    dump = noise(12_000_000)
    first = room.identity()
    sent = die(room, first, MemoryWalk(stream(b"dump", dump)), 20)

    made, resent = finish(room, room.identity(first.backup_id), MemoryWalk(stream(b"dump", dump)), [first.session_id])

    assert contents(room.reader(made.backup_id)) == {b"dump": dump}
    assert resent < len(dump) - sent / 2


def test_a_damaged_checkpoint_ends_what_is_known(room: Room) -> None:
    first = room.identity()
    die(room, first, MemoryWalk(*tree()), 12)
    key = checkpoint_key(first.session_id, 2)
    room.home.objects[key] = flip(room.home.objects[key], len(room.home.objects[key]) * 8 - 1)
    again = tree()

    made, _ = finish(room, room.identity(first.backup_id), MemoryWalk(*again), [first.session_id])

    assert 0 < len(read_names(again)) < 120
    assert contents(room.reader(made.backup_id)) == {
        s.entry.name: content_of(s).data for s in again if isinstance(s, Item)
    }


def test_without_its_key_slot_a_dead_session_is_no_use(room: Room) -> None:
    first = room.identity()
    die(room, first, MemoryWalk(*tree()), 8)
    for key in [key for key in room.home.objects if key.startswith(f"keys/{first.backup_id.hex}")]:
        room.home.delete(key)
    again = tree()

    finish(room, room.identity(first.backup_id), MemoryWalk(*again), [first.session_id])

    assert len(read_names(again)) == 120


def test_a_commit_leaves_no_checkpoints_behind(room: Room) -> None:
    identity = room.identity()
    finish(room, identity, MemoryWalk(*tree()), [])

    assert list(room.home.list(checkpoint_prefix(identity.session_id))) == []


def test_a_checkpoint_of_another_session_is_refused(room: Room) -> None:
    first, other = room.identity(), room.identity()
    die(room, first, MemoryWalk(*tree()), 8)
    die(room, other, MemoryWalk(*tree()), 8)
    room.home.objects[checkpoint_key(first.session_id, 0)] = room.home.objects[checkpoint_key(other.session_id, 0)]

    again = tree()
    finish(room, room.identity(first.backup_id), MemoryWalk(*again), [first.session_id])

    assert len(read_names(again)) == 120


def test_a_small_backup_writes_no_checkpoints(room: Room) -> None:
    identity = room.identity()
    attempt(room, room.home, identity, MemoryWalk(item(b"a", b"small", 1)))

    assert list(room.home.list(checkpoint_prefix(identity.session_id))) == []
