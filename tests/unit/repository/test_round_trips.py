"""What goes in comes out, whatever the tree looks like."""

import os
import random

import pytest

from strongroom.errors import StrongroomError
from strongroom.repository.intake import SMALL_BYTES
from strongroom.repository.pack import MAX_PACK_BYTES
from strongroom.repository.writer import WriterOptions
from strongroom.tree.content import Enter, Item, Leave, Problem, ProblemKind
from strongroom.tree.entry import Entry, EntryType, Hole
from tests.unit.repository.room import Room, contents, entries_of, runs
from tests.unit.repository.trees import (
    MemoryContent,
    MemoryWalk,
    content_of,
    directory,
    file,
    file_entry,
    link,
    stream,
    within,
)


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_files_of_every_size_come_back(room: Room) -> None:
    sizes = [0, 1, 4096, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1, 3_000_000, 9_000_001]
    files = {f"f{size}".encode(): noise(size) for size in sizes}

    made = room.back_up(MemoryWalk(*(file(name, data) for name, data in files.items())))

    assert contents(room.reader(made.backup_id)) == files
    assert made.summary.objects > 3
    assert made.summary.source_bytes == sum(sizes)
    assert made.summary.files == len(sizes)


def test_every_field_of_an_entry_comes_back(room: Room) -> None:
    device = Entry(b"tty", EntryType.CHARACTER_DEVICE, 0o620, uid=1, gid=2**32 - 2, device=0x0501)
    kept = Entry(b"a", EntryType.FILE, 0o4755, 1, 2, 3, -1, 2**62, 2**63, 9, xattrs=[(b"security.selinux", b"x\0")])

    made = room.back_up(MemoryWalk(Item(kept, MemoryContent(kept, b"abc")), link(b"s", b"../\xff"), Item(device, None)))

    found = entries_of(room.reader(made.backup_id).walk())
    assert found[b"tty"] == device
    assert found[b"s"] == link(b"s", b"../\xff").entry
    assert (found[b"a"].ctime_ns, found[b"a"].inode, found[b"a"].link_id) == (2**62, 2**63, 9)
    assert found[b"a"].xattrs == [(b"security.selinux", b"x\0")]


def test_names_that_are_not_text_come_back(room: Room) -> None:
    names = sorted([b"\xff\xfe", b"new\nline", b" ", b"\x01", "ü".encode(), b"-rf", b"a" * 255])

    made = room.back_up(MemoryWalk(*(file(name, name) for name in names)))

    assert contents(room.reader(made.backup_id)) == {name: name for name in names}


def test_holes_are_not_stored(room: Room) -> None:
    sparse = file(b"sparse", b"head" + noise(1_500_000) + b"tail", [(0, 10), (14, 1 << 40), ((1 << 40) + 1_000_000, 5)])
    empty = file(b"hollow", b"", [(0, 1 << 30)])

    made = room.back_up(MemoryWalk(empty, sparse))

    entry = entries_of(room.reader(made.backup_id).walk())[b"sparse"]
    assert [extent.length for extent in entry.extents if isinstance(extent, Hole)] == [10, 1 << 40, 5]
    assert entry.size == sparse.entry.size
    assert entries_of(room.reader(made.backup_id).walk())[b"hollow"].extents == [Hole(1 << 30)]
    assert made.summary.source_bytes == 1_500_008


def test_a_sparse_file_streams_with_zeros_in_its_holes(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"sparse", b"onetwo", [(0, 3), (6, 2_500_000), (2_500_009, 4)])))

    reader = room.reader(made.backup_id)
    entry = entries_of(reader.walk())[b"sparse"]
    assert b"".join(reader.stream(entry)) == bytes(3) + b"one" + bytes(2_500_000) + b"two" + bytes(4)


def test_a_stream_of_unknown_size_comes_back_in_order(room: Room) -> None:
    data = noise(5_000_000) + bytes(3_000_000)

    made = room.back_up(MemoryWalk(stream(b"database.dump", data, at_most=1000)))

    reader = room.reader(made.backup_id)
    entry = entries_of(reader.walk())[b"database.dump"]
    assert entry.size == len(data)
    assert len(runs(entry)) > 10
    assert b"".join(reader.stream(entry)) == data


def test_further_names_of_a_file_are_kept_without_content(room: Room) -> None:
    first, second = file(b"a", b"shared"), Item(file_entry(b"b", 6), None)
    content_of(first).entry.link_id = second.entry.link_id = 5

    made = room.back_up(MemoryWalk(first, second))

    found = entries_of(room.reader(made.backup_id).walk())
    assert [(found[name].link_id, len(found[name].extents)) for name in (b"a", b"b")] == [(5, 1), (5, 0)]


def test_a_very_deep_tree_comes_back(room: Room) -> None:
    depth = 10_000
    steps = [Enter(directory(b"d")) for _ in range(depth)] + [file(b"leaf", b"deep")] + [Leave()] * depth

    made = room.back_up(MemoryWalk(*steps))

    walked = list(room.reader(made.backup_id).walk())
    assert len(walked) == 2 * depth + 3
    assert contents(room.reader(made.backup_id)) == {b"leaf": b"deep"}


def test_many_small_entries_keep_their_order(room: Room) -> None:
    steps = [file(b"%06d" % number, b"%d" % number) for number in range(20_000)]

    made = room.back_up(MemoryWalk(*within(b"many", *steps)))

    reader = room.reader(made.backup_id)
    assert list(entries_of(reader.walk())) == [step.entry.name for step in steps]
    assert sum(run.count for run in reader.head.tree) > 5
    assert contents(reader)[b"012345"] == b"12345"


def test_equal_files_and_equal_chunks_are_stored_once(room: Room) -> None:
    small, large = noise(100_000), noise(4_000_000)

    made = room.back_up(MemoryWalk(*(file(b"%d" % n, small) for n in range(20)), file(b"x", large), file(b"y", large)))

    assert made.summary.stored_bytes < 1.05 * (len(small) + len(large))
    assert made.summary.reused_bytes == 19 * len(small) + len(large)
    assert contents(room.reader(made.backup_id))[b"y"] == large


def test_incompressible_and_compressible_data_come_back(room: Room) -> None:
    files = {b"noise": noise(700_000), b"text": b"all work and no play " * 100_000, b"zeros": bytes(2_000_000)}

    made = room.back_up(MemoryWalk(*(file(name, data) for name, data in files.items())))

    assert contents(room.reader(made.backup_id)) == files
    assert made.summary.stored_bytes < 800_000


def test_an_empty_tree_is_a_backup(room: Room) -> None:
    made = room.back_up(MemoryWalk())

    assert len(list(room.reader(made.backup_id).walk())) == 2
    assert made.summary.files == 0


def test_a_file_that_settles_on_the_second_reading_is_no_problem(room: Room) -> None:
    changed = Problem("a", ProblemKind.CHANGED, "changed while it was read")
    item = file(b"a", b"text")
    content_of(item).outcomes = [changed, None]

    made = room.back_up(MemoryWalk(item))

    assert made.summary.problem_count == 0
    assert content_of(item).opened == 2


def test_a_file_that_keeps_changing_is_kept_and_named(room: Room) -> None:
    changed = Problem("a", ProblemKind.CHANGED, "changed while it was read")
    item = file(b"a", b"text")
    content_of(item).outcomes = [changed]

    made = room.back_up(MemoryWalk(item, problems=[Problem("b", ProblemKind.UNREADABLE, "permission denied")]))

    head = room.reader(made.backup_id).head
    assert [problem.path for problem in head.problems] == ["a", "b"]
    assert contents(room.reader(made.backup_id)) == {b"a": b"text"}


def test_a_vanished_file_is_left_out_and_named(room: Room) -> None:
    gone = Problem("a", ProblemKind.VANISHED, "no such file")
    item = file(b"a", b"text")
    content_of(item).vanished = gone

    made = room.back_up(MemoryWalk(item, file(b"b", b"stays")))

    assert room.reader(made.backup_id).head.problems == (gone,)
    assert contents(room.reader(made.backup_id)) == {b"b": b"stays"}


@pytest.mark.parametrize(("said", "held"), [(10, 4), (4, 4), (0, 700_000), (600_000, 0), (100, 0)])
def test_the_size_is_what_was_read_not_what_was_announced(room: Room, said: int, held: int) -> None:
    data = noise(held)

    made = room.back_up(MemoryWalk(Item(file_entry(b"a", said), MemoryContent(file_entry(b"a", said), data))))

    entry = entries_of(room.reader(made.backup_id).walk())[b"a"]
    assert entry.size == held
    assert b"".join(room.reader(made.backup_id).stream(entry)) == data


def test_a_producer_that_fails_at_its_end_stops_the_backup(room: Room) -> None:
    failure = StrongroomError("pg_dump ended with status 1.", next_step="Look at its message.")

    with pytest.raises(StrongroomError, match="status 1"):
        room.back_up(MemoryWalk(stream(b"database.dump", noise(100_000), outcome=failure)))

    assert not [key for key in room.home.objects if key.startswith(("m/", "c/"))]


def test_the_head_tells_what_the_source_told(room: Room) -> None:
    made = room.back_up(MemoryWalk(file(b"a", b"text")))

    head = room.reader(made.backup_id).head
    assert head.facts == {"root": "/srv/data", "answer": 42}
    assert (head.source, head.policy, head.kind, head.session_id) == (
        "db",
        "critical-data",
        "full",
        made.identity.session_id,
    )
    assert made.record.manifest_sha256 == made.summary.manifest_sha256


def test_a_pack_never_grows_beyond_the_formats_limit(room: Room) -> None:
    data = noise(70 << 20)

    made = room.back_up(MemoryWalk(file(b"a", data)), options=WriterOptions(pack_bytes=64 << 20, workers=1))

    sizes = [pack.size for pack in room.reader(made.backup_id).head.packs]
    assert 58 << 20 < max(sizes) <= MAX_PACK_BYTES
    assert contents(room.reader(made.backup_id)) == {b"a": data}


def test_a_writer_without_means_is_refused() -> None:
    with pytest.raises(ValueError, match="needs"):
        WriterOptions(workers=0)
    with pytest.raises(ValueError, match="needs"):
        WriterOptions(uploads=0)


def test_one_worker_and_one_upload_are_enough(room: Room) -> None:
    options = WriterOptions(workers=1, uploads=1, pack_bytes=1 << 16, compression_level=3, verify_packs=False)
    data = os.urandom(1_000_000)

    made = room.back_up(MemoryWalk(file(b"a", data)), options=options)

    assert contents(room.reader(made.backup_id)) == {b"a": data}
