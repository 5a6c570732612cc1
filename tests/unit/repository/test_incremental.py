"""A backup upon a parent costs what changed, is complete in itself, and never trusts what it cannot know."""

import random
import sys
from datetime import timedelta

import pytest

from strongroom.repository.baseline import NEW_FILES_WORTH_A_LOOK, Trust
from strongroom.repository.layout import pack_key
from strongroom.repository.packtables import LOOSE_ROWS
from strongroom.tree.content import Item, Step
from strongroom.tree.entry import Entry, EntryType
from tests.unit.repository.room import Finished, Room, contents, entries_of
from tests.unit.repository.trees import MemoryContent, MemoryWalk, SparingMemoryWalk, content_of, within

LONG_AGO = 1_600_000_000_000_000_000


@pytest.fixture(autouse=True, params=[MemoryWalk, SparingMemoryWalk])
def _walks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every test made with steps for all files, and with none for those that are recognised."""
    monkeypatch.setattr(sys.modules[__name__], "MemoryWalk", request.param)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(f"{size}:{seed}").randbytes(size)


def item(name: bytes, data: bytes, *, inode: int = 1, mtime: int = LONG_AGO, ctime: int = LONG_AGO) -> Item:
    entry = Entry(name, EntryType.FILE, 0o640, size=len(data), mtime_ns=mtime, ctime_ns=ctime, inode=inode)
    return Item(entry, MemoryContent(copied(entry), data))


def copied(entry: Entry) -> Entry:
    return Entry(*(getattr(entry, field) for field in entry.__struct_fields__))


def sizes(steps: list[Step]) -> int:
    return sum(len(content_of(step).data) for step in steps if isinstance(step, Item))


def opened(steps: list[Step]) -> list[bytes]:
    """Return the names of the files that were read."""
    return [step.entry.name for step in steps if isinstance(step, Item) and content_of(step).opened]


def tree() -> list[Step]:
    return [
        item(b"a", b"first", inode=11),
        *within(b"folder", item(b"deep", noise(40_000), inode=12), *within(b"x", item(b"y", b"z", inode=13))),
        item(b"large", noise(3_000_000), inode=14),
        item(b"z", b"last", inode=15),
    ]


def changed(steps: list[Step], name: bytes, data: bytes, *, inode: int = 99) -> list[Step]:
    return [item(name, data, inode=inode) if isinstance(s, Item) and s.entry.name == name else s for s in steps]


def test_an_unchanged_tree_is_not_read_and_adds_only_a_manifest(room: Room) -> None:
    parent = room.back_up(MemoryWalk(*tree()))
    packs = [key for key in room.home.objects if key.startswith("p/")]
    again = tree()

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert opened(again) == []
    assert [key for key in room.home.objects if key.startswith("p/")] == packs
    assert contents(room.reader(made.backup_id)) == contents(room.reader(parent.backup_id))
    assert made.summary.reused_bytes == made.summary.source_bytes == sizes(tree())


def test_a_walk_is_told_how_many_entries_are_known(room: Room) -> None:
    first, second, all_over = SparingMemoryWalk(*tree()), SparingMemoryWalk(*tree()), SparingMemoryWalk(*tree())
    parent = room.back_up(first)

    room.back_up_upon(parent, second)
    room.back_up_upon(parent, all_over, trust=Trust(force_read=True))

    assert first.expected == 0
    assert second.expected == room.reader(parent.backup_id).head.entries > 1
    assert all_over.expected == 0


def test_a_changed_file_is_read_and_the_others_are_not(room: Room) -> None:
    parent = room.back_up(MemoryWalk(*tree()))
    again = changed(tree(), b"z", b"other")

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert opened(again) == [b"z"]
    assert contents(room.reader(made.backup_id))[b"z"] == b"other"
    assert contents(room.reader(parent.backup_id))[b"z"] == b"last"


@pytest.mark.parametrize(
    "difference",
    [{"size": 6}, {"mtime_ns": LONG_AGO + 1}, {"ctime_ns": LONG_AGO + 1}, {"inode": 77}, {"inode": 0}],
)
def test_any_difference_has_a_file_read_again(room: Room, difference: dict[str, int]) -> None:
    parent = room.back_up(MemoryWalk(item(b"a", b"first")))
    again = item(b"a", b"first")
    for name, value in difference.items():
        setattr(again.entry, name, value)

    made = room.back_up_upon(parent, MemoryWalk(again))

    assert opened([again]) == [b"a"]
    assert made.summary.reused_bytes == 5


def test_a_file_that_changed_when_the_parent_was_made_is_read_again(room: Room) -> None:
    just_now = int(room.clock.now().timestamp()) * 10**9
    steps = [item(b"a", b"racy", ctime=just_now, mtime=just_now)]
    parent = room.back_up(MemoryWalk(*steps))
    again = [item(b"a", b"late", ctime=just_now, mtime=just_now)]

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert contents(room.reader(made.backup_id)) == {b"a": b"late"}


@pytest.mark.parametrize(("seconds", "read"), [(58, [b"a"]), (62, [])])
def test_a_file_counts_as_unchanged_a_minute_after_its_last_change(room: Room, seconds: int, read: list[bytes]) -> None:
    start = int((room.clock.now() + timedelta(seconds=1)).timestamp())
    fresh = (start - seconds) * 10**9
    parent = room.back_up(MemoryWalk(item(b"a", b"first", ctime=fresh)))
    again = [item(b"a", b"first", ctime=fresh)]

    room.back_up_upon(parent, MemoryWalk(*again))

    assert opened(again) == read


def test_force_read_reads_everything_and_stores_nothing_twice(room: Room) -> None:
    parent = room.back_up(MemoryWalk(*tree()))
    packs = [key for key in room.home.objects if key.startswith("p/")]
    again = tree()

    made = room.back_up_upon(parent, MemoryWalk(*again), trust=Trust(force_read=True))

    assert opened(again) == [b"a", b"deep", b"y", b"large", b"z"]
    assert [key for key in room.home.objects if key.startswith("p/")] == packs
    assert contents(room.reader(made.backup_id)) == contents(room.reader(parent.backup_id))


def test_with_ctime_ignored_new_metadata_is_taken_without_reading(room: Room) -> None:
    parent = room.back_up(MemoryWalk(item(b"a", b"first")))
    again = item(b"a", b"never read", ctime=LONG_AGO + 5)
    again.entry.size = content_of(again).entry.size = 5
    content_of(again).entry.mode = 0o600

    made = room.back_up_upon(parent, MemoryWalk(again), trust=Trust(ignore_ctime=True))

    assert contents(room.reader(made.backup_id)) == {b"a": b"first"}
    assert entries_of(room.reader(made.backup_id).walk())[b"a"].mode == 0o600
    assert entries_of(room.reader(made.backup_id).walk())[b"a"].ctime_ns == LONG_AGO + 5


def test_a_large_file_that_changed_a_little_is_stored_in_part(room: Room) -> None:
    data = noise(9_000_000)
    parent = room.back_up(MemoryWalk(item(b"large", data)))
    longer = data[:4_000_000] + b"inserted" + data[4_000_000:]

    made = room.back_up_upon(parent, MemoryWalk(item(b"large", longer)))

    assert contents(room.reader(made.backup_id)) == {b"large": longer}
    assert made.summary.stored_bytes < 5_000_000


def test_a_large_file_under_another_name_is_not_stored_again(room: Room) -> None:
    parent = room.back_up(MemoryWalk(item(b"large", noise(5_000_000))))

    made = room.back_up_upon(parent, MemoryWalk(item(b"moved", noise(5_000_000), inode=5)))

    assert made.summary.stored_bytes < 10_000
    assert contents(room.reader(made.backup_id)) == {b"moved": noise(5_000_000)}


def test_small_files_that_were_moved_are_not_stored_again(room: Room) -> None:
    def files(count: int) -> list[Step]:
        return [item(b"%04d" % number, noise(2_000, number), inode=number + 1) for number in range(count)]

    count = NEW_FILES_WORTH_A_LOOK * 2
    parent = room.back_up(MemoryWalk(*within(b"z-before", *files(count))))

    made = room.back_up_upon(parent, MemoryWalk(*within(b"after", *files(count))))

    assert contents(room.reader(made.backup_id)) == contents(room.reader(parent.backup_id))
    assert made.summary.reused_bytes == NEW_FILES_WORTH_A_LOOK * 2_000


def test_the_tree_of_what_did_not_change_is_not_stored_again(room: Room) -> None:
    def many(note: bytes) -> list[Step]:
        names = [b"%05d" % number for number in range(4_000)]
        return [item(name, note if name == b"02000" else name, inode=int(name) + 1) for name in names]

    parent = room.back_up(MemoryWalk(*many(b"02000")))
    again = many(b"other")
    again[2000].entry.mtime_ns += 1

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert opened(again) == [b"02000"]
    assert made.summary.stored_bytes < parent.summary.stored_bytes / 20


def test_many_packs_are_listed_once_for_a_chain_of_backups(room: Room) -> None:
    steps = [item(b"%03d" % number, noise(600_000, number), inode=number + 1) for number in range(20)]
    parent = room.back_up(MemoryWalk(*steps))

    made = room.back_up_upon(parent, MemoryWalk(*steps))

    reader = room.reader(made.backup_id)
    assert len(reader.head.packs) > LOOSE_ROWS
    assert [table.pack for table in reader.head.tables] == [
        table.pack for table in room.reader(parent.backup_id).head.tables
    ]
    assert made.record.manifest_size < 2_000
    assert contents(reader) == contents(room.reader(parent.backup_id))


def test_a_backup_has_no_key_of_a_pack_it_does_not_need(room: Room) -> None:
    steps = [item(b"%03d" % number, noise(600_000, number), inode=number + 1) for number in range(20)]
    parent = room.back_up(MemoryWalk(*steps))

    made = room.back_up_upon(parent, MemoryWalk(*steps[:3]))

    kept = {pack.sha256 for pack in room.reader(made.backup_id).head.packs}
    parents = {pack.sha256 for pack in room.reader(parent.backup_id).head.packs}
    assert room.reader(parent.backup_id).head.tables
    assert len(kept & parents) < len(parents) / 2


def test_a_chain_of_backups_reads_back_from_any_of_its_links(room: Room) -> None:
    chain = [room.back_up(MemoryWalk(*tree()))]
    expected = [contents(room.reader(chain[0].backup_id))]
    for number in range(5):
        again = changed(tree(), b"large", noise(2_000_000, number), inode=100 + number)
        chain.append(room.back_up_upon(chain[-1], MemoryWalk(*again)))
        expected.append({s.entry.name: content_of(s).data for s in again if isinstance(s, Item)})
    assert [contents(room.reader(made.backup_id)) for made in chain] == expected


def test_a_parent_that_is_deleted_afterwards_leaves_its_child_unharmed(room: Room) -> None:
    parent = room.back_up(MemoryWalk(*tree()))
    made = room.back_up_upon(parent, MemoryWalk(*tree()))
    expected = contents(room.reader(parent.backup_id))

    for key in list(room.home.objects):
        if parent.backup_id.hex in key:
            room.home.delete(key)

    assert contents(room.reader(made.backup_id)) == expected


def lose(room: Room, parent: Finished, name: bytes) -> None:
    """Delete the pack that holds a file."""
    reader = room.reader(parent.backup_id)
    packs = {pack.ordinal: pack for pack in reader.head.packs}
    run = entries_of(reader.walk())[name].extents[0]
    pack = packs[run.pack]
    room.home.delete(pack_key(pack.session_id, pack.sha256))


def test_what_lies_in_a_lost_pack_is_read_again(room: Room) -> None:
    parent = room.back_up(MemoryWalk(*tree()))
    lose(room, parent, b"large")
    again = tree()

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert b"large" in opened(again)
    assert contents(room.reader(made.backup_id))[b"large"] == noise(3_000_000)


def test_of_files_in_a_row_only_those_in_a_lost_pack_are_read_again(room: Room) -> None:
    def row() -> list[Step]:
        return [item(b"%d" % number, noise(600_000, number), inode=number + 1) for number in range(5)]

    parent = room.back_up(MemoryWalk(*row()))
    lose(room, parent, b"2")
    again = row()

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert b"2" in opened(again)
    assert not {b"0", b"4"} & set(opened(again))
    assert contents(room.reader(made.backup_id)) == {b"%d" % number: noise(600_000, number) for number in range(5)}


def test_a_parent_whose_tree_turns_out_damaged_is_followed_as_far_as_it_goes(room: Room) -> None:
    parent = room.back_up(MemoryWalk(*tree()))
    head = room.reader(parent.backup_id).head
    pack = next(pack for pack in head.packs if pack.ordinal == head.tree[-1].pack)
    key = pack_key(pack.session_id, pack.sha256)
    room.home.objects[key] = bytes(len(room.home.objects[key]))
    again = tree()

    made = room.back_up_upon(parent, MemoryWalk(*again))

    assert opened(again) == [b"a", b"deep", b"y", b"large", b"z"]
    assert contents(room.reader(made.backup_id))[b"a"] == b"first"
    assert "repository.tampered" in str(room.reader(made.backup_id).head.facts["parent_warning"])
