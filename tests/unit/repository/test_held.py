"""Files whose bytes another process has read already are taken in as if they had been read here."""

from collections.abc import Iterator

from strongroom.repository.intake import SMALL_BYTES
from strongroom.sources.files.loads import Load, LoadKind
from strongroom.sources.files.porter import HeldContent
from strongroom.tree.content import Item, Problem, ProblemKind, Step
from tests.unit.repository.room import Room, contents, entries_of, runs
from tests.unit.repository.trees import Holes, MemoryWalk, file, file_entry, within

CHANGED = Problem("f", ProblemKind.CHANGED, "written to while it was being read")


def held(name: bytes, data: bytes | bytearray, holes: Holes | None = None, problem: Problem | None = None) -> Item:
    holes = holes or []
    entry = file_entry(name, len(data) + sum(length for _, length in holes))
    load = Load(LoadKind.HELD, entry, length=len(data), holes=holes, problem=problem)
    return Item(entry, HeldContent(entry, memoryview(data), load))


class ReusingWalk(MemoryWalk):
    """Overwrites the bytes of a file as soon as the next step is asked for."""

    def __init__(self, memory: bytearray, *versions: bytes) -> None:
        super().__init__(*(held(b"%d" % number, memory) for number in range(len(versions))))
        self._memory = memory
        self._versions = iter(versions)

    def __iter__(self) -> Iterator[Step]:
        for step in super().__iter__():
            if isinstance(step, Item):
                self._memory[:] = next(self._versions)
            yield step


def test_files_come_back_with_holes_and_without_bytes_of_their_own(room: Room) -> None:
    files = {b"a": b"few bytes", b"empty": b"", b"full": bytes(range(256)) * (SMALL_BYTES // 256)}
    sparse = held(b"sparse", b"head" + b"tail", holes=[(4, 4096)])

    backup = room.back_up(MemoryWalk(*within(b"d", *(held(*one) for one in files.items()), sparse)))

    assert contents(room.reader(backup.backup_id)) == files | {b"sparse": b"head" + bytes(4096) + b"tail"}
    assert (backup.summary.files, backup.summary.problems) == (4, ())
    assert backup.summary.source_bytes == sum(map(len, files.values())) + 8


def test_equal_files_are_stored_once(room: Room) -> None:
    backup = room.back_up(MemoryWalk(held(b"a", b"the same" * 100), held(b"b", b"the same" * 100)))

    entries = entries_of(room.reader(backup.backup_id).walk())
    assert runs(entries[b"a"]) == runs(entries[b"b"])
    assert backup.summary.reused_bytes == 800


def test_the_memory_may_be_used_again_for_the_next_file(room: Room) -> None:
    backup = room.back_up(ReusingWalk(bytearray(6), b"first.", b"second", b"third."))

    assert contents(room.reader(backup.backup_id)) == {b"0": b"first.", b"1": b"second", b"2": b"third."}


def test_what_was_wrong_with_a_file_is_told_once_and_the_file_is_kept(room: Room) -> None:
    backup = room.back_up(MemoryWalk(held(b"f", b"half of it", problem=CHANGED)))

    assert backup.summary.problems == (CHANGED,)
    assert contents(room.reader(backup.backup_id)) == {b"f": b"half of it"}


def test_the_entries_are_those_of_files_that_were_read_here(room: Room) -> None:
    data = {b"%03d" % number: b"%d" % (number % 7) * number for number in range(200)}

    here = room.back_up(MemoryWalk(*(file(*one) for one in data.items())))
    there = room.back_up(MemoryWalk(*(held(*one) for one in data.items())))

    digests = [
        {name: (entry.size, entry.digest) for name, entry in entries_of(room.reader(one.backup_id).walk()).items()}
        for one in (here, there)
    ]
    assert digests[0] == digests[1]


def test_what_a_parent_knows_is_not_stored_again(room: Room) -> None:
    first = room.back_up(MemoryWalk(held(b"f", b"known" * 1000)))

    second = room.back_up_upon(first, MemoryWalk(held(b"f", b"known" * 1000)))

    assert contents(room.reader(second.backup_id)) == {b"f": b"known" * 1000}
    assert second.summary.reused_bytes == 5000
