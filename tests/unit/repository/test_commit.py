"""The commit record: one per backup, and what it fences off."""

import uuid

import pytest

from strongroom.repository.commit import Outcome, abort_session, find_commit, list_commits
from strongroom.repository.errors import BackupNotFoundError, CommitRefusedError, TamperedError
from strongroom.storage.errors import StoreUnavailableError
from strongroom.testing.stores import Fault, FaultyStore, Moment, Operation, server_error
from tests.unit.repository.damage import ANY_REFUSAL, cuts, flips
from tests.unit.repository.room import Room, contents
from tests.unit.repository.trees import MemoryWalk, file

WALK = MemoryWalk(file(b"a", b"text"))


def test_a_backup_exists_once_it_is_committed(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as writer:
        writer.begin()
        writer.write(WALK)
        writer.seal()
        with pytest.raises(BackupNotFoundError):
            room.reader(identity.backup_id)
        record = writer.commit()

    assert find_commit(room.repository, room.home, "db", identity.backup_id) == record
    assert contents(room.reader(identity.backup_id)) == {b"a": b"text"}


def test_an_abort_fences_a_zombie(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as zombie:
        zombie.begin()
        zombie.write(WALK)
        zombie.seal()
        aborted = abort_session(room.repository, room.home, identity, reason="its lease lapsed", clock=room.clock)
        with pytest.raises(CommitRefusedError, match="aborted"):
            zombie.commit()

    assert (aborted.outcome, aborted.reason) == (Outcome.ABORT, "its lease lapsed")
    with pytest.raises(BackupNotFoundError, match="abort record"):
        room.reader(identity.backup_id)


def test_a_commit_outlives_a_late_abort(room: Room) -> None:
    made = room.back_up(WALK)

    standing = abort_session(room.repository, room.home, made.identity, reason="too late", clock=room.clock)

    assert standing == made.record
    assert contents(room.reader(made.backup_id)) == {b"a": b"text"}


def test_aborting_twice_returns_the_first_abort(room: Room) -> None:
    identity = room.identity()
    first = abort_session(room.repository, room.home, identity, reason="one", clock=room.clock)

    assert abort_session(room.repository, room.home, identity, reason="two", clock=room.clock) == first


def test_of_two_sessions_of_one_backup_the_first_commits(room: Room) -> None:
    backup_id = uuid.UUID(int=77)
    first, second = room.identity(backup_id), room.identity(backup_id)
    with room.writer(first) as zombie, room.writer(second) as fresh:
        for writer, data in ((zombie, b"old"), (fresh, b"new")):
            writer.begin()
            writer.write(MemoryWalk(file(b"a", data)))
            writer.seal()
        record = fresh.commit()
        with pytest.raises(CommitRefusedError, match="has committed it already"):
            zombie.commit()

    assert record.session_id == second.session_id
    assert contents(room.reader(backup_id)) == {b"a": b"new"}


def test_a_zombie_that_seals_after_the_commit_harms_nothing(room: Room) -> None:
    backup_id = uuid.UUID(int=78)
    with room.writer(room.identity(backup_id)) as zombie:
        zombie.begin()
        zombie.write(MemoryWalk(file(b"a", b"old")))
        room.back_up(MemoryWalk(file(b"a", b"new")), room.identity(backup_id))
        zombie.seal()

    assert contents(room.reader(backup_id)) == {b"a": b"new"}


def test_committing_again_returns_the_same_record(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as writer:
        writer.begin()
        writer.write(WALK)
        writer.seal()
        assert writer.commit() == writer.commit()


def test_a_commit_whose_answer_was_lost_is_recognised(room: Room) -> None:
    store = FaultyStore(room.home, [Fault(Operation.CREATE, server_error, moment=Moment.AFTER)])
    identity = room.identity()
    with room.writer(identity, store) as writer:
        writer.begin()
        writer.write(WALK)
        writer.seal()
        with pytest.raises(StoreUnavailableError):
            writer.commit()
        record = writer.commit()

    assert find_commit(room.repository, room.home, "db", identity.backup_id) == record


def test_all_records_are_listed(room: Room) -> None:
    made = [room.back_up(WALK) for _ in range(3)]
    identity = room.identity()
    aborted = abort_session(room.repository, room.home, identity, reason="never began", clock=room.clock)

    listed = {record.backup_id: record for record in list_commits(room.repository, room.home)}

    assert listed == {**{one.backup_id: one.record for one in made}, identity.backup_id: aborted}


def test_what_was_never_committed_has_no_record(room: Room) -> None:
    assert find_commit(room.repository, room.home, "db", uuid.UUID(int=1)) is None
    with pytest.raises(BackupNotFoundError):
        room.reader(uuid.UUID(int=1))


def test_a_damaged_record_is_refused(room: Room) -> None:
    made = room.back_up(WALK)
    key = f"c/db/{made.backup_id.hex}"
    raw = room.home.objects[key]

    for changed in [*flips(raw, 200), *cuts(raw, 100)]:
        room.home.objects[key] = changed
        with pytest.raises(ANY_REFUSAL):
            room.reader(made.backup_id)


def test_the_record_of_another_backup_or_source_is_refused(room: Room) -> None:
    one, other = room.back_up(WALK), room.back_up(WALK)
    raw = room.home.objects[f"c/db/{one.backup_id.hex}"]

    room.home.objects[f"c/db/{other.backup_id.hex}"] = raw
    room.home.objects[f"c/files/{one.backup_id.hex}"] = raw

    with pytest.raises(TamperedError, match="another backup"):
        room.reader(other.backup_id)
    with pytest.raises(TamperedError, match="another backup"):
        find_commit(room.repository, room.home, "files", one.backup_id)


def test_a_stray_object_among_the_records_is_named(room: Room) -> None:
    room.home.objects["c/db/readme"] = b"hello"

    with pytest.raises(TamperedError, match="c/db/readme"):
        list(list_commits(room.repository, room.home))
