"""Keys: each used once, each opened only by its own, shredded for good, and never shown."""

import hashlib
import uuid

import pytest

from strongroom.repository.errors import TamperedError, WrongKeyError
from strongroom.repository.frame import HEADER_BYTES, parse_header
from strongroom.repository.head import PackRef
from strongroom.repository.layout import pack_key
from strongroom.repository.mending import add_missing_slots
from strongroom.repository.pack import FOOTER, PACK_HEADER
from strongroom.repository.writer import WriterOptions
from tests.unit.repository.room import REGIONS, MemoryKek, Room, contents
from tests.unit.repository.trees import MemoryWalk, file


def copy_to_all_regions(room: Room) -> None:
    for region in REGIONS[1:]:
        room.stores[region].objects.update(room.home.objects)


def slots_of(room: Room, backup_id: uuid.UUID) -> list[str]:
    return [key for key in room.home.objects if key.startswith(f"keys/{backup_id.hex}/")]


def frame_numbers(raw: bytes) -> list[int]:
    numbers, at = [], PACK_HEADER.size
    while at < len(raw) - FOOTER.size:
        header = parse_header(raw[at:])
        numbers.append(header.number)
        at += HEADER_BYTES + header.sealed_length
    return numbers


def test_no_key_is_used_with_a_nonce_twice(room: Room) -> None:
    options = WriterOptions(pack_bytes=100_000, workers=4)
    made = [room.back_up(MemoryWalk(file(b"a", room.random(3_000_000))), options=options) for _ in range(3)]

    packs = [pack for one in made for pack in room.reader(one.backup_id).head.packs]
    assert len(packs) > 9
    assert len({pack.key for pack in packs}) == len(packs)
    for pack in packs:
        raw = room.home.objects[pack_key(pack.session_id, pack.sha256)]
        numbers = frame_numbers(raw)
        assert len(set(numbers)) == len(numbers)


def test_every_region_reads_with_its_own_key(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"a", b"text")))
    copy_to_all_regions(room)

    for region in REGIONS:
        assert contents(room.reader(made.backup_id, region)) == {b"a": b"text"}
    assert made.summary.key_versions == dict.fromkeys(REGIONS, "v1")


def test_another_key_reads_nothing(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"a", b"text")))

    with pytest.raises(WrongKeyError):
        room.reader(made.backup_id, kek=MemoryKek("stranger"))


def test_a_backup_without_key_slots_is_unreadable_and_its_sibling_is_not(room: Room) -> None:
    shredded, sibling = (room.back_up(MemoryWalk(file(b"a", data))) for data in (b"secret", b"public"))
    copy_to_all_regions(room)
    for key in slots_of(room, shredded.backup_id):
        for store in room.stores.values():
            store.delete(key)

    for region in REGIONS:
        for kek in room.keks.values():
            with pytest.raises(WrongKeyError, match="0 key slots"):
                room.reader(shredded.backup_id, region, kek)
        assert contents(room.reader(sibling.backup_id, region)) == {b"a": b"public"}


def test_the_slots_of_another_backup_are_refused(room: Room) -> None:
    one, other = (room.back_up(MemoryWalk(file(b"a", b"text"))) for _ in range(2))
    for ours, theirs in zip(slots_of(room, one.backup_id), slots_of(room, other.backup_id), strict=True):
        room.home.objects[ours] = room.home.objects[theirs]

    with pytest.raises(TamperedError, match="another backup"):
        room.reader(one.backup_id)


def test_a_region_whose_key_service_is_away_goes_without_a_slot(room: Room) -> None:
    room.keks["south"].up = False

    made = room.back_up(MemoryWalk(file(b"a", b"text")))

    assert set(made.summary.key_versions) == {"home", "north"}
    assert contents(room.reader(made.backup_id)) == {b"a": b"text"}


def test_a_second_key_version_makes_a_slot_of_its_own(room: Room) -> None:
    room.keks["home"].version = "v2"

    made = room.back_up(MemoryWalk(file(b"a", b"text")))

    assert made.summary.key_versions["home"] == "v2"
    assert any(key.endswith(".home.v2") for key in slots_of(room, made.backup_id))


def test_nothing_that_is_stored_shows_plaintext_names_or_keys(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"payroll-2026.xlsx", b"Jane Doe earns 100")), room.identity())

    packs = room.reader(made.backup_id).head.packs
    everything = b"".join(room.home.objects.values())
    assert b"payroll" not in everything
    assert b"Jane" not in everything
    assert hashlib.sha256(b"Jane Doe earns 100").digest() not in everything
    assert not [pack for pack in packs if pack.key in everything]


def test_no_key_shows_in_a_repr(room: Room) -> None:
    pack = PackRef(1, bytes(16), bytes(32), 5, b"K" * 32)
    keys = room.repository.source_keys("db")
    with room.writer(room.identity()) as writer:
        shown = repr([pack, keys, room.repository, writer])

    assert "K" * 8 not in shown
    assert repr(keys.chunk_id) not in shown
    assert str(keys.cut_seed) not in shown


def test_slots_that_were_missed_are_added_later(room: Room) -> None:
    room.keks["south"].up = False
    made = room.back_up(MemoryWalk(file(b"a", b"text")))
    room.keks["south"].up = True

    added = add_missing_slots(room.repository, room.home, room.all_keks(), "db", made.backup_id)
    again = add_missing_slots(room.repository, room.home, room.all_keks(), "db", made.backup_id)

    assert (added, again) == (["south"], [])
    copy_to_all_regions(room)
    assert contents(room.reader(made.backup_id, "south")) == {b"a": b"text"}


def test_no_slot_is_added_to_a_shredded_backup(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"a", b"text")))
    for key in slots_of(room, made.backup_id):
        room.home.delete(key)

    with pytest.raises(WrongKeyError):
        add_missing_slots(room.repository, room.home, room.all_keks(), "db", made.backup_id)


def test_a_slot_under_the_name_of_another_is_refused(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"a", b"text")))
    home, north, _ = sorted(slots_of(room, made.backup_id))
    room.home.objects[home] = room.home.objects[north]

    with pytest.raises(TamperedError, match="another region"):
        room.reader(made.backup_id)
