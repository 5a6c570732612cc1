"""Large files are read by another thread, in their place in the tree, and the walk does not wait for them."""

import random
import threading
from typing import cast

import pytest

from strongroom.repository.aside import MAX_ASIDE, AsideReader
from strongroom.repository.cutting import Cutting
from strongroom.repository.intake import SMALL_BYTES
from strongroom.repository.stopping import Halt
from strongroom.tree.content import Enter, Item, Problem, ProblemKind
from tests.unit.repository.room import Room, contents
from tests.unit.repository.trees import HandedMemoryContent, MemoryWalk, file, handed, within

CHANGED = Problem("big", ProblemKind.CHANGED, "written to while it was being read")
LARGE = random.Random(5).randbytes(3 * SMALL_BYTES)


def content_of(item: Item) -> HandedMemoryContent:
    return cast("HandedMemoryContent", item.content)


def test_large_and_small_files_come_back_in_their_order(room: Room) -> None:
    large = [handed(b"%d-large" % number, LARGE[number:]) for number in range(5)]
    small = [file(b"%d-small" % number, b"few %d" % number) for number in range(5)]
    steps = [step for pair in zip(large, small, strict=True) for step in pair]

    backup = room.back_up(MemoryWalk(*within(b"a", *steps[:5]), *within(b"b", *steps[5:])))

    walked = [step.entry.name for step in room.reader(backup.backup_id).walk() if isinstance(step, Enter | Item)]
    names = [item.entry.name for item in steps]
    assert walked == [b"", b"a", *names[:5], b"b", *names[5:]]
    read = contents(room.reader(backup.backup_id))
    assert [read[item.entry.name] for item in large] == [LARGE[number:] for number in range(5)]
    assert (backup.summary.files, backup.summary.problems) == (10, ())


def test_the_walk_goes_on_while_a_large_file_is_read(room: Room) -> None:
    passed = threading.Event()
    item = handed(b"0-large", LARGE)
    content_of(item).on_rewind = lambda: None if passed.wait(30) else pytest.fail("the walk waits for the large file")
    walk = MemoryWalk(item, *(file(b"small %02d" % number, b"few") for number in range(50)))
    walk.on_step = lambda number: passed.set() if number == 50 else None

    backup = room.back_up(walk)

    assert contents(room.reader(backup.backup_id))[b"0-large"] == LARGE


def test_a_file_that_changes_is_read_once_more(room: Room) -> None:
    item = handed(b"big", LARGE, outcomes=[CHANGED, None])

    backup = room.back_up(MemoryWalk(item))

    assert (content_of(item).opened, content_of(item).closed, backup.summary.problems) == (2, 1, ())
    assert contents(room.reader(backup.backup_id)) == {b"big": LARGE}


def test_a_file_that_keeps_changing_is_kept_and_named(room: Room) -> None:
    item = handed(b"big", LARGE, outcomes=[CHANGED])

    backup = room.back_up(MemoryWalk(item))

    assert (content_of(item).opened, backup.summary.problems) == (2, (CHANGED,))
    assert contents(room.reader(backup.backup_id)) == {b"big": LARGE}


def test_only_so_many_files_wait_open(room: Room) -> None:
    items = [handed(b"%03d" % number, LARGE[number:]) for number in range(2 * MAX_ASIDE)]
    most = 0
    walk = MemoryWalk(*items)

    def look(number: int) -> None:
        nonlocal most
        most = max(most, number - sum(content_of(item).closed for item in items[:number]))

    walk.on_step = look
    room.back_up(walk)

    # One more is closed a moment before it counts as done.
    assert most <= MAX_ASIDE + 1
    assert all(content_of(item).closed == 1 for item in items)


def test_an_error_while_reading_ends_the_backup_and_closes_what_waits(room: Room) -> None:
    items = [handed(b"%d" % number, LARGE) for number in range(4)]

    def fail() -> None:
        raise MemoryError

    content_of(items[0]).on_rewind = fail

    with pytest.raises(MemoryError):
        room.back_up(MemoryWalk(*items))

    handed_over = [content_of(item) for item in items if content_of(item).closed]
    assert handed_over
    assert not any(content.opened for content in handed_over)


def test_a_backup_that_is_left_stops_reading(room: Room) -> None:
    item = handed(b"big", LARGE)
    content_of(item).at_most = 1000
    walk = MemoryWalk(item, file(b"small", b"few"))

    def leave(number: int) -> None:
        if number == 1:
            raise KeyboardInterrupt

    walk.on_step = leave
    with pytest.raises(KeyboardInterrupt):
        room.back_up(walk)

    assert content_of(item).closed == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("large-files")]


def test_a_file_that_cannot_be_taken_over_is_closed() -> None:
    item = handed(b"big", LARGE)
    reader = AsideReader(Halt(), lambda _: cast("Cutting", None))

    def over() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reader.begin(content_of(item).open_aside(), over)

    reader.close()
    assert (content_of(item).opened, content_of(item).closed) == (0, 1)
