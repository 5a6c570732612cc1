"""What a replica is made of, and what a check of the data finds."""

import hashlib

import pytest

from strongroom.repository.check import DataReport, check_data
from strongroom.repository.errors import BackupNotFoundError, MissingObjectError, TamperedError
from strongroom.repository.replica import ObjectRef, replica_objects
from strongroom.testing.stores import MemoryStore
from tests.unit.repository.damage import ANY_REFUSAL, flip
from tests.unit.repository.room import Finished, Room, contents
from tests.unit.repository.trees import MemoryWalk, file

FILES = {b"a": b"text", b"b": bytes(range(256)) * 8000}


@pytest.fixture
def made(room: Room) -> Finished:
    noise = {name: data + room.random(700_000) for name, data in FILES.items()}
    return room.back_up(MemoryWalk(*(file(name, data) for name, data in noise.items())))


def objects_of(room: Room, made: Finished) -> list[ObjectRef]:
    return replica_objects(room.repository, room.home, room.keks["home"], "db", made.backup_id)


def check(room: Room, made: Finished) -> DataReport:
    return check_data(room.reader(made.backup_id), on_progress=lambda done, total: None)


def test_a_replica_is_everything_the_region_holds_of_one_backup(room: Room, made: Finished) -> None:
    expected = dict(room.home.objects)
    room.back_up(MemoryWalk(file(b"other", b"backup")))

    refs = objects_of(room, made)

    assert {ref.key for ref in refs} == set(expected)
    assert len(refs) == len(expected)
    for ref in refs:
        body = room.home.objects[ref.key]
        assert (ref.size, ref.sha256) == (len(body), hashlib.sha256(body).digest())


def test_a_copy_is_a_backup_only_with_its_last_object(room: Room, made: Finished) -> None:
    refs = objects_of(room, made)
    room.stores["north"] = copy = MemoryStore("north")

    for ref in refs:
        with pytest.raises(BackupNotFoundError):
            room.reader(made.backup_id, "north")
        copy.objects[ref.key] = room.home.objects[ref.key]

    assert contents(room.reader(made.backup_id, "north")) == contents(room.reader(made.backup_id))


def test_a_replica_can_be_listed_from_any_region_that_holds_it(room: Room, made: Finished) -> None:
    room.stores["north"].objects.update(room.home.objects)

    listed = replica_objects(room.repository, room.stores["north"], room.keks["north"], "db", made.backup_id)

    assert set(listed) == set(objects_of(room, made))
    assert listed[-1].key.startswith("c/")


def test_a_region_that_lost_a_small_object_is_told_apart(room: Room, made: Finished) -> None:
    del room.home.objects[f"s/{made.identity.session_id.hex}"]

    with pytest.raises(MissingObjectError, match="s/"):
        objects_of(room, made)


def test_a_session_marker_of_another_session_is_refused(room: Room, made: Finished) -> None:
    other = room.back_up(MemoryWalk())
    markers = [f"s/{one.identity.session_id.hex}" for one in (made, other)]
    room.home.objects[markers[0]] = room.home.objects[markers[1]]

    with pytest.raises(TamperedError, match="another session"):
        objects_of(room, made)


def test_a_sound_backup_passes(room: Room, made: Finished) -> None:
    report = check(room, made)

    assert report.passed
    assert (report.objects, report.entries) == (len(room.reader(made.backup_id).head.packs), 3)
    assert report.bytes == sum(pack.size for pack in room.reader(made.backup_id).head.packs)


def test_progress_ends_at_the_total(room: Room, made: Finished) -> None:
    seen: list[tuple[int, int]] = []

    check_data(room.reader(made.backup_id), on_progress=lambda done, total: seen.append((done, total)))

    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "swap"])
def test_every_damaged_pack_is_named(room: Room, made: Finished, damage: str) -> None:
    packs = [key for key in room.home.objects if key.startswith("p/")]
    for at, key in enumerate(packs):
        raw = room.home.objects[key]
        if damage == "delete":
            del room.home.objects[key]
        else:
            other = room.home.objects[packs[at - 1]]
            room.home.objects[key] = {"flip": flip(raw, len(raw) * 4), "truncate": raw[:-1], "swap": other}[damage]

        assert [found.key for found in check(room, made).damage] == [key]
        room.home.objects[key] = raw


def test_reading_a_damaged_pack_is_refused(room: Room, made: Finished) -> None:
    for key in [key for key in room.home.objects if key.startswith("p/")]:
        raw = room.home.objects[key]
        for bit in range(0, len(raw) * 8, len(raw) * 8 // 20):
            room.home.objects[key] = flip(raw, bit)
            with pytest.raises(ANY_REFUSAL):
                contents(room.reader(made.backup_id))
        room.home.objects[key] = raw
