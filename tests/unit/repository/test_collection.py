"""Collection deletes what nobody needs, nothing else, and nothing at all where it cannot know."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress

import pytest

from strongroom.repository.baseline import Baseline
from strongroom.repository.collection import (
    CollectionPlan,
    ShareTooLargeError,
    Why,
    apply_collection,
    plan_collection,
    plan_from,
    verify_share,
)
from strongroom.repository.commit import abort_session
from strongroom.repository.errors import BackupNotFoundError, CollectionBlockedError, SessionLostError
from strongroom.repository.layout import commit_key, manifest_key, session_key
from strongroom.repository.reference import open_parent
from strongroom.repository.retiring import retire_backup
from strongroom.repository.session import BackupIdentity
from strongroom.repository.shredding import destroy_slots
from strongroom.repository.survey import Survey
from strongroom.storage.errors import StoreUnavailableError
from strongroom.testing.stores import Fault, FaultyStore, Moment, Operation, server_error
from tests.unit.repository.damage import flip
from tests.unit.repository.room import Finished, Room, contents
from tests.unit.repository.town import Town, TownStore
from tests.unit.repository.trees import MemoryWalk, file


def make(room: Room, name: bytes) -> Finished:
    return room.back_up(MemoryWalk(file(name, room.random(700_000))))


def plan(room: Room) -> CollectionPlan:
    return plan_collection(room.repository, room.home, room.keks["home"], on_progress=lambda: None)


def collect(room: Room, agreed: CollectionPlan | None = None) -> CollectionPlan:
    agreed = agreed or plan(room)
    return apply_collection(room.repository, room.home, room.keks["home"], agreed, on_progress=lambda: None)


def retire(room: Room, made: Finished) -> None:
    retire_backup(room.repository, room.home, "db", made.backup_id, reason="test", clock=room.clock)


def test_a_region_of_live_backups_has_no_garbage(room: Room) -> None:
    make(room, b"a")
    assert plan(room).garbage == ()


def test_a_retired_backup_goes_whole_and_its_tombstone_stays(room: Room) -> None:
    kept = make(room, b"kept")
    before = dict(room.home.objects)
    gone = make(room, b"gone")
    retire(room, gone)

    deleted = collect(room)

    tombstones = {key for key in room.home.objects if key.startswith("x/")}
    assert len(tombstones) == 1
    assert room.home.objects.keys() - tombstones == before.keys()
    assert [found.why for found in deleted.garbage] == sorted((f.why for f in deleted.garbage), key=list(Why).index)
    assert contents(room.reader(kept.backup_id))
    assert plan(room).garbage == ()


def test_an_open_session_keeps_all_it_wrote(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as writer:
        writer.begin()
        writer.write(MemoryWalk(file(b"a", room.random(700_000))))
        assert plan(room).garbage == ()
        writer.seal()
        assert plan(room).garbage == ()
        writer.commit()
    assert contents(room.reader(identity.backup_id))


def test_what_an_aborted_session_left_goes_but_its_abort_record_stays(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as writer:
        writer.begin()
        writer.write(MemoryWalk(file(b"a", room.random(700_000))))
        writer.seal()
    abort_session(room.repository, room.home, identity, reason="test", clock=room.clock)

    collect(room)

    assert [key for key in room.home.objects if not key.startswith(("repo", "keys/repo/"))] == [
        commit_key("db", identity.backup_id)
    ]


def test_an_open_session_pins_the_backup_it_names_as_parent(room: Room) -> None:
    parent = make(room, b"parent")
    child = dataclasses.replace(room.identity(), parent_id=parent.backup_id)
    with room.writer(child) as writer:
        writer.begin()
        retire(room, parent)
        assert plan(room).garbage == ()
    abort_session(room.repository, room.home, child, reason="test", clock=room.clock)
    assert plan(room).share == 1.0


def test_a_session_whose_marker_has_gone_cannot_commit(room: Room) -> None:
    identity = room.identity()
    with room.writer(identity) as writer:
        writer.begin()
        writer.write(MemoryWalk(file(b"a", b"text")))
        writer.seal()
        room.home.delete(session_key(identity.session_id))
        with pytest.raises(SessionLostError):
            writer.commit()


@pytest.mark.parametrize("damaged", ["manifest", "marker", "commit", "slots"])
def test_nothing_is_deleted_where_a_live_backup_cannot_be_read(room: Room, damaged: str) -> None:
    gone, kept = make(room, b"gone"), make(room, b"kept")
    retire(room, gone)
    agreed = plan(room)
    keys = {
        "manifest": [manifest_key("db", kept.backup_id, kept.identity.session_id)],
        "marker": [session_key(kept.identity.session_id)],
        "commit": [commit_key("db", kept.backup_id)],
        "slots": [key for key in room.home.objects if key.startswith(f"keys/{kept.backup_id.hex}")],
    }[damaged]
    for key in keys:
        room.home.objects[key] = flip(room.home.objects[key], 1600)
    before = dict(room.home.objects)

    with pytest.raises(CollectionBlockedError, match="Nothing is deleted"):
        collect(room, agreed)

    assert room.home.objects == before


def test_another_regions_key_blocks_the_collection(room: Room) -> None:
    make(room, b"a")
    with pytest.raises(CollectionBlockedError):
        plan_collection(room.repository, room.home, Room(seed=9).keks["home"], on_progress=lambda: None)


def test_an_old_plan_deletes_only_what_is_still_garbage(room: Room) -> None:
    gone = make(room, b"gone")
    retire(room, gone)
    agreed = plan(room)
    del room.home.objects[f"x/db/{gone.backup_id.hex}"]

    assert collect(room, agreed).garbage == ()
    assert contents(room.reader(gone.backup_id))


def test_a_large_share_needs_approval(room: Room) -> None:
    retire(room, make(room, b"gone"))
    make(room, b"kept")
    with pytest.raises(ShareTooLargeError, match="approved"):
        verify_share(plan(room), 0.2)
    verify_share(plan(room), 0.6)


@pytest.mark.parametrize("moment", list(Moment))
def test_a_collector_that_dies_at_any_deletion_is_finished_by_the_next(room: Room, moment: Moment) -> None:
    kept = make(room, b"kept")
    retire(room, make(room, b"gone"))
    agreed = plan(room)
    fault = Fault(Operation.DELETE, server_error, nth=2, moment=moment)
    deaths = 0
    while plan(room).garbage:
        store = FaultyStore(room.home, [fault])
        with suppress(StoreUnavailableError):
            apply_collection(room.repository, store, room.keks["home"], agreed, on_progress=lambda: None)
        deaths += 1
    assert deaths > 2
    assert contents(room.reader(kept.backup_id))


@pytest.mark.parametrize("collectors", [1, 3])
def test_no_live_backup_loses_anything_whatever_happens_at_once(collectors: int) -> None:
    town = Town(seed=1, collectors=collectors)
    assert town.run(4000) == []
    assert town.commits > 20
    assert town.store.deleted > 0
    assert town.receipts > 5


Order = tuple[Callable[[Survey], None], ...]
MANIFESTS_FIRST: Order = (Survey.read_manifests, Survey.read_sessions, Survey.read_objects)
SESSIONS_LAST: Order = (Survey.read_objects, Survey.read_manifests, Survey.read_sessions)


RIGHT: Order = (Survey.read_objects, Survey.read_sessions, Survey.read_manifests)


def reading(order: Order) -> Callable[[Room, TownStore], None]:
    """Return a collector that reads in this order and looks only once."""

    def collect_once(room: Room, store: TownStore) -> None:
        survey = Survey(room.repository, store, room.keks["home"], lambda: None)
        for read in order:
            read(survey)
        for found in plan_from(survey).garbage:
            store.delete(found.key)

    return collect_once


@pytest.mark.parametrize("order", [MANIFESTS_FIRST, SESSIONS_LAST])
def test_any_other_order_of_reading_loses_data_and_the_model_sees_it(order: Order) -> None:
    assert any(Town(seed, collect=reading(order)).run(3000) for seed in range(5))


def test_what_catalogs_that_disagree_retire_and_build_upon_at_once_is_kept() -> None:
    # Not all of them lose nothing where tombstones are read after the markers.
    assert not any(Town(seed, collect=reading(RIGHT), pins=False).run(4000) for seed in (8, 9, 10))


def test_what_is_retired_is_no_parent(room: Room) -> None:
    gone = make(room, b"gone")
    retire(room, gone)
    with pytest.raises(BackupNotFoundError, match="retired"):
        room.back_up_upon(gone, MemoryWalk(file(b"gone", b"x")))


def test_a_parent_that_is_retired_while_a_collector_reads_is_kept(room: Room) -> None:
    walk = MemoryWalk(file(b"same", room.random(700_000)))
    parent = room.back_up(walk)
    survey = Survey(room.repository, room.home, room.keks["home"], lambda: None)
    survey.read_objects()
    survey.read_sessions()
    with room.writer(room.identity(parent_id=parent.backup_id)) as writer:
        writer.begin()
        reference = open_parent(room.repository, room.home, room.keks["home"], "db", parent.backup_id)
        writer.write(walk, Baseline(room.home, room.repository.repo_id, [reference]))
        # Another catalog knows nothing of the child.
        retire(room, parent)
        survey.read_manifests()
        for found in plan_from(survey).garbage:
            room.home.delete(found.key)
        writer.seal()
        writer.commit()
    collect(room)
    assert contents(room.reader(writer.identity.backup_id))


class HastyTown(Town):
    """Destroys the keys before the tombstone says that the backup does not count any more."""

    def _carry_out(self, identity: BackupIdentity) -> None:
        destroy_slots(self.store, identity.backup_id)
        super()._carry_out(identity)


def test_keys_that_go_before_the_tombstone_are_seen_by_the_model() -> None:
    assert any("keys/" in lost for lost in HastyTown(seed=1).run(2000))
