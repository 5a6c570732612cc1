"""The tree stream: one whole tree in, the same tree out, and only frames near a change differ."""

import pytest

from strongroom.repository.errors import TamperedError, TruncatedError
from strongroom.repository.treestream import MAX_EXTENTS, MAX_FRAME_BYTES, TreeEncoder, decode_tree
from strongroom.tree.content import Enter, Item, Leave, Step
from strongroom.tree.entry import Entry, EntryType, Extent, Hole, Run
from tests.unit.repository.trees import directory, file_entry

ROOT = Enter(directory(b""))


def encode(*steps: Step) -> list[bytes]:
    frames: list[bytes] = []
    encoder = TreeEncoder(lambda frame: frames.append(bytes(frame)), seed=5)
    for step in steps:
        if isinstance(step, Enter):
            encoder.enter(step.entry)
        elif isinstance(step, Item):
            encoder.item(step.entry)
        else:
            encoder.leave()
    encoder.finish()
    return frames


def decode(frames: list[bytes], entries: int) -> list[Step]:
    return [plain(step) for step in decode_tree(frames, entries)]


def plain(step: Step) -> Step:
    """Return a step of the walk, which an equal one of a stored tree does not count as equal to."""
    if isinstance(step, Leave):
        return Leave()
    return Enter(step.entry) if isinstance(step, Enter) else Item(step.entry, step.content)


def item(name: bytes) -> Item:
    return Item(file_entry(name, 1), None)


def test_steps_come_back() -> None:
    steps: list[Step] = [ROOT, item(b"a"), Enter(directory(b"d")), item(b"a"), Leave(), item(b"z"), Leave()]

    assert decode(encode(*steps), 5) == steps


def test_an_entry_of_a_million_extents_is_spread_over_frames() -> None:
    extents: list[Extent] = [Run(n >> 10, n & 1023, 0, 1 << 20) for n in range(1_000_000)]
    extents[500_000] = Hole(5)
    huge = Entry(b"huge", EntryType.FILE, 0o600, extents=list(extents))

    frames = encode(ROOT, Item(huge, None), item(b"next"), Leave())

    steps = decode(frames, 3)
    found = steps[1]
    assert isinstance(found, Item)
    assert found.entry.extents == extents
    assert max(map(len, frames)) < MAX_FRAME_BYTES + MAX_EXTENTS * 20
    assert steps[2] == item(b"next")


def test_a_change_in_one_place_leaves_frames_elsewhere_alone() -> None:
    names = [b"%06d" % number for number in range(40_000)]
    before = encode(ROOT, *map(item, names), Leave())
    after = encode(ROOT, *map(item, [*names[:20_000], b"020000-new", *names[20_000:]]), Leave())

    assert len(before) > 10
    assert len(set(after) - set(before)) <= 2


@pytest.mark.parametrize(
    "steps",
    [
        [item(b"a")],
        [ROOT, Leave(), item(b"a")],
        [ROOT, Leave(), ROOT, Leave()],
        [ROOT, Leave(), Leave()],
        [ROOT, Enter(directory(b"")), Leave(), Leave()],
        [ROOT, item(b""), Leave()],
        [ROOT, item(b".."), Leave()],
        [ROOT, item(b"a/b"), Leave()],
        [ROOT, item(b"a\0"), Leave()],
        [ROOT, Item(directory(b"d"), None), Leave()],
        [ROOT, Enter(file_entry(b"f", 1)), Leave(), Leave()],
        [Enter(directory(b"name")), Leave()],
    ],
)
def test_what_is_not_one_tree_is_refused(steps: list[Step]) -> None:
    entries = sum(not isinstance(step, Leave) for step in steps)

    with pytest.raises(TamperedError):
        decode(encode(*steps), entries)


def test_a_tree_that_stops_early_is_refused() -> None:
    with pytest.raises(TruncatedError):
        decode(encode(ROOT, item(b"a")), 2)
    with pytest.raises(TruncatedError):
        decode(encode(ROOT, item(b"a"), Leave()), 3)
    with pytest.raises(TruncatedError):
        decode([], 1)


def test_a_tree_with_more_entries_than_promised_is_refused() -> None:
    with pytest.raises(TamperedError):
        decode(encode(ROOT, item(b"a"), Leave()), 1)


@pytest.mark.parametrize("plain", [b"", b"\x01", b"\x91\x91\x09", b"\xdd\xff\xff\xff\xff", b"\x91\x92\x01\x90"])
def test_a_frame_that_holds_no_records_is_refused(plain: bytes) -> None:
    with pytest.raises(TamperedError):
        decode([plain], 1)
