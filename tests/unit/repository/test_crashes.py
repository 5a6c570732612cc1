"""A writer that dies anywhere leaves no backup that only seems whole; what was committed before stays readable."""

import threading

import pytest

from strongroom.repository.commit import find_commit
from strongroom.repository.writer import WriteProgress
from strongroom.storage.errors import StoreFullError
from strongroom.storage.store import Body
from strongroom.testing.stores import Fault, FaultyStore, MemoryStore, Moment, Operation, no_room
from tests.unit.repository.room import Room, contents
from tests.unit.repository.trees import MemoryWalk, file, stream

FILES = {b"%d" % number: bytes([number]) * 5000 + number.to_bytes(4, "big") * 60_000 for number in range(8)}


def walk() -> MemoryWalk:
    return MemoryWalk(*(file(name, data) for name, data in FILES.items()))


class DeadProcessError(BaseException):
    """What the rest of a killed process never does."""


class CountdownStore(MemoryStore):
    """Shares another store's objects and dies at the n-th write, before or after its effect; then stays dead."""

    def __init__(self, store: MemoryStore, deadly: int, moment: Moment) -> None:
        super().__init__(store.region)
        self.objects = store.objects
        self.writes = 0
        self._deadly = deadly
        self._moment = moment
        self._counting = threading.Lock()

    def put(self, key: str, body: Body, *, sha256: bytes) -> None:
        if self._count():
            super().put(key, body, sha256=sha256)
            raise DeadProcessError
        super().put(key, body, sha256=sha256)

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        if self._count():
            super().create(key, body, sha256=sha256)
            raise DeadProcessError
        super().create(key, body, sha256=sha256)

    def _count(self) -> bool:
        with self._counting:
            self.writes += 1
            number = self.writes
        if number > self._deadly or (number == self._deadly and self._moment is Moment.BEFORE):
            raise DeadProcessError
        return number == self._deadly


def deaths() -> list[tuple[int, Moment]]:
    """Every write of the backup below: marker, 4 packs or more, manifest, 3 slots, commit record."""
    return [(write, moment) for write in range(1, 14) for moment in Moment]


@pytest.mark.parametrize(("write", "moment"), deaths())
def test_a_death_at_any_write_leaves_all_or_nothing(room: Room, write: int, moment: Moment) -> None:
    before = room.back_up(MemoryWalk(file(b"old", b"stays")))
    store = CountdownStore(room.home, write, moment)
    identity = room.identity()
    try:
        with room.writer(identity, store) as writer:
            writer.begin()
            writer.write(walk())
            writer.seal()
            writer.commit()
        assert store.writes < write
    except DeadProcessError:
        committed = find_commit(room.repository, room.home, "db", identity.backup_id)
        assert committed is None or moment is Moment.AFTER
        assert committed is None or contents(room.reader(identity.backup_id)) == FILES

    assert contents(room.reader(before.backup_id)) == {b"old": b"stays"}
    again = room.back_up(walk(), room.identity())
    assert contents(room.reader(again.backup_id)) == FILES


def test_every_death_above_is_one_that_happens(room: Room) -> None:
    store = CountdownStore(room.home, 1 << 30, Moment.BEFORE)
    with room.writer(room.identity(), store) as writer:
        writer.begin()
        writer.write(walk())
        writer.seal()
        writer.commit()

    assert 7 <= store.writes <= 13


def test_another_attempt_at_the_same_backup_succeeds(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as dead:
        dead.begin()
        dead.write(walk())
        dead.seal()

    made = room.back_up(walk(), room.identity(identity.backup_id))

    assert contents(room.reader(identity.backup_id)) == FILES
    assert made.record.session_id != identity.session_id


def test_a_full_region_stops_the_writer_with_the_stores_own_error(room: Room) -> None:
    store = FaultyStore(room.home, [Fault(Operation.PUT, no_room, nth=2, key_prefix="p/")])

    with room.writer(room.identity(), store) as writer:
        writer.begin()
        with pytest.raises(StoreFullError):
            writer.write(MemoryWalk(stream(b"dump", room.random(4_000_000))))


def test_an_error_from_progress_comes_out_and_stops_all_threads(room: Room) -> None:
    class CancelledError(BaseException):
        pass

    def cancel(progress: WriteProgress) -> None:
        if progress.bytes_read > 1_000_000:
            raise CancelledError

    before = set(threading.enumerate())
    with room.writer(room.identity(), on_progress=cancel) as writer:
        writer.begin()
        with pytest.raises(CancelledError):
            writer.write(MemoryWalk(stream(b"dump", room.random(6_000_000))))

    assert set(threading.enumerate()) <= before


def test_a_finished_writer_leaves_no_threads(room: Room) -> None:
    before = set(threading.enumerate())

    made = room.back_up(walk())
    contents(room.reader(made.backup_id))

    assert set(threading.enumerate()) <= before


def test_progress_grows_to_the_whole(room: Room) -> None:
    seen: list[WriteProgress] = []
    with room.writer(room.identity(), on_progress=seen.append) as writer:
        writer.begin()
        writer.write(walk())
        summary = writer.seal()

    assert [p.bytes_read for p in seen] == sorted(p.bytes_read for p in seen)
    assert (seen[-1].files, seen[-1].bytes_read) == (len(FILES), sum(map(len, FILES.values())))
    assert 0 < seen[-1].bytes_stored < summary.stored_bytes


def test_steps_out_of_order_are_refused(room: Room) -> None:
    with room.writer(room.identity()) as writer:
        with pytest.raises(ValueError, match="written"):
            writer.seal()
        with pytest.raises(ValueError, match="sealed"):
            writer.commit()
