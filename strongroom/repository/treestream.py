"""The tree stream: a backup's entries, depth first, as msgpack records in TREE frames.

A frame's plaintext is one msgpack array of records. A record is an array that starts with its tag:

    [1, entry]      a directory begins
    [2]             the directory that was entered last ends
    [3, entry]      any other entry
    [4, [extents]]  further extents that go before those of the next entry; keeps records small for very large files

Frames are cut after an entry whose name hashes to a boundary, so that a change in one place leaves the frames elsewhere
byte for byte equal.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from strongroom.repository.errors import TamperedError, TruncatedError
from strongroom.tree.content import Enter, Item, Leave, Step
from strongroom.tree.entry import Entry, EntryType, Extent

MIN_FRAME_BYTES = 4 * 1024
MAX_FRAME_BYTES = 1024 * 1024
MAX_EXTENTS = 4096
MAX_DEPTH = 100_000

_BOUNDARY = 0x1F
_ARRAY_32 = b"\xdd"
_NO_NAMES = frozenset({b"", b".", b".."})
_MISPLACED = "An entry of the tree does not belong where it stands."
_HEAD_BYTES = 5


class EnterRecord(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=1):
    """A directory begins."""

    entry: Entry


class LeaveRecord(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """A directory ends."""


class ItemRecord(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=3):
    """An entry that is not a directory."""

    entry: Entry


class ExtentsRecord(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """Extents of the next entry that come before its own."""

    extents: list[Extent]


Record = EnterRecord | LeaveRecord | ItemRecord | ExtentsRecord


# What is decoded becomes a step as it is: one more object for every file takes a tenth of the time to pass it.
class _StoredEnter(Enter, array_like=True, frozen=True, gc=False, tag=1):
    pass


class _StoredLeave(Leave, array_like=True, frozen=True, gc=False, tag=2):
    pass


class StoredItem(Item, array_like=True, frozen=True, gc=False, tag=3):
    """An entry that is not a directory, as decoded; to ask for it costs a third of what asking for an Item does."""

    content: None = None


_Stored = _StoredEnter | _StoredLeave | StoredItem | ExtentsRecord


class TreeEncoder:
    """Turns entries into frame plaintexts and hands each to `emit`; it is reused after emit returns."""

    def __init__(self, emit: Callable[[memoryview], None], seed: int) -> None:
        self._emit = emit
        self._seed = seed & 0xFFFFFFFF
        self._encoder = msgspec.msgpack.Encoder()
        self._buffer = bytearray(_HEAD_BYTES)
        self._records = 0

    def enter(self, entry: Entry) -> None:
        """Add the beginning of a directory."""
        self._add(EnterRecord(entry))
        self._cut(entry.name)

    def leave(self) -> None:
        """Add the end of a directory."""
        self._add(LeaveRecord())

    def item(self, entry: Entry) -> None:
        """Add any other entry."""
        self.items((ItemRecord(entry),))

    def items(self, records: Iterable[ItemRecord]) -> None:
        """Add entries that are not directories, one behind the other."""
        # As in `_add` and `_cut`, which are two calls too many for what is done for every file.
        encode_into, buffer = self._encoder.encode_into, self._buffer
        for record in records:
            if len(record.entry.extents) > MAX_EXTENTS:
                self._add_extents(record.entry)
            encode_into(record, buffer, -1)
            self._records += 1
            if len(buffer) >= MIN_FRAME_BYTES:
                self._cut(record.entry.name)

    def finish(self) -> None:
        """Emit what is left."""
        if self._records:
            self._flush()

    def _add_extents(self, entry: Entry) -> None:
        extents = entry.extents
        while len(extents) > MAX_EXTENTS:
            self._add(ExtentsRecord(extents[:MAX_EXTENTS]))
            extents = extents[MAX_EXTENTS:]
            self._cut(b"")
        entry.extents = extents

    def _add(self, record: Record) -> None:
        self._encoder.encode_into(record, self._buffer, -1)
        self._records += 1

    def _cut(self, name: bytes) -> None:
        size = len(self._buffer)
        if size >= MIN_FRAME_BYTES and (size >= MAX_FRAME_BYTES or not zlib.crc32(name, self._seed) & _BOUNDARY):
            self._flush()

    def _flush(self) -> None:
        self._buffer[:_HEAD_BYTES] = _ARRAY_32 + self._records.to_bytes(4, "big")
        with memoryview(self._buffer) as view:
            self._emit(view)
        del self._buffer[_HEAD_BYTES:]
        self._records = 0


def decode_tree(frames: Iterable[bytes], entries: int) -> Iterator[Step]:
    """Yield the steps of a tree stream that must hold so many entries; content is always None.

    Raises TruncatedError or TamperedError where the stream is not one whole tree.
    """
    return _decode_steps(frames, _TreeShape(entries), is_whole=True)


def decode_begun(frames: Iterable[bytes]) -> Iterator[Step]:
    """Yield the steps of a tree stream that may end anywhere; raises TamperedError where it is none."""
    return _decode_steps(frames, _TreeShape(sys.maxsize), is_whole=False)


def _decode_steps(frames: Iterable[bytes], shape: "_TreeShape", *, is_whole: bool) -> Iterator[Step]:
    decoder = msgspec.msgpack.Decoder(list[_Stored])
    extents: list[Extent] = []
    for frame in frames:
        records = _decode(decoder, frame)
        shape.check_items([record.entry for record in records if isinstance(record, StoredItem)])
        for record in records:
            # Passed by every file of every tree: what can be is done for whole frames, or for directories only.
            if isinstance(record, StoredItem) and shape.depth and not extents:
                yield record
            elif isinstance(record, ExtentsRecord):
                extents += record.extents
            else:
                shape.check(record)
                yield _completed(record, extents)
                extents = []
    if is_whole:
        shape.finish()


def _completed(step: Step, extents: list[Extent]) -> Step:
    if extents and not isinstance(step, Leave):
        step.entry.extents = extents + step.entry.extents
    return step


def _decode(decoder: "msgspec.msgpack.Decoder[list[_Stored]]", frame: bytes) -> list[_Stored]:
    try:
        return decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedError("A frame of the tree does not hold tree records.") from None


class _TreeShape:
    """Checks that steps make one tree: a root directory, balanced, with plain names and the promised number."""

    def __init__(self, entries: int) -> None:
        self.depth = 0
        self._left = entries
        self._started = False

    def check_items(self, entries: list[Entry]) -> None:
        """Check names and types of a frame's entries other than directories."""
        self._left -= len(entries)
        names = [entry.name for entry in entries]
        joined = b"".join(names)
        are_plain = b"/" not in joined and b"\0" not in joined and _NO_NAMES.isdisjoint(names)
        if not are_plain or EntryType.DIRECTORY in [entry.type for entry in entries]:
            raise TamperedError(_MISPLACED)

    def check(self, step: Step) -> None:
        """Check where a step stands."""
        if isinstance(step, Item):
            if not self.depth:
                raise TamperedError(_MISPLACED)
        elif isinstance(step, Enter):
            self._enter(step.entry)
        else:
            self._descend(-1)

    def _enter(self, entry: Entry) -> None:
        self._left -= 1
        root, self._started = not self._started, True
        belongs = entry.name == b"" if root else self.depth and _plain(entry.name)
        if not belongs or entry.type is not EntryType.DIRECTORY:
            raise TamperedError(_MISPLACED)
        self._descend(1)

    def finish(self) -> None:
        if self.depth or self._left > 0:
            raise TruncatedError("The tree ends before all its entries were read.")
        if self._left < 0:
            raise TamperedError("The tree holds more entries than its manifest says.")

    def _descend(self, by: int) -> None:
        self.depth += by
        if not 0 <= self.depth <= MAX_DEPTH:
            raise TamperedError("The directories of the tree are not balanced.")


def _plain(name: bytes) -> bool:
    return b"/" not in name and b"\0" not in name and name not in _NO_NAMES
