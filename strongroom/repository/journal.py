"""What a session has read so far, as a tree stream of its own that leaves out all it took over."""

import msgspec

from strongroom.repository.treestream import EnterRecord, ItemRecord, LeaveRecord, Record
from strongroom.tree.entry import Entry, EntryType

FRAME_BYTES = 256 * 1024

_ARRAY_32 = b"\xdd"
_HEAD_BYTES = 5


class Journal:
    """Collects entries between two checkpoints; a directory without any costs nothing."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._buffer = bytearray(_HEAD_BYTES)
        self._records = 0
        self._frames: list[bytes] = []
        self._waiting: list[ItemRecord] = []
        self.later = self._waiting.append
        """Takes an entry that was read, for `settle`: the list's own method, as it is called for every file."""
        self._path: list[bytes] = []
        self._written = 0
        self.size = 0

    def enter(self, name: bytes) -> None:
        """Go into a directory."""
        self.settle()
        self._path.append(name)

    def leave(self) -> None:
        """Go out of it again."""
        self.settle()
        self._path.pop()
        if self._written > len(self._path):
            self._add(LeaveRecord())
            self._written -= 1

    def item(self, entry: Entry) -> None:
        """Add an entry that was read."""
        self.settle()
        self._add_path()
        self._add(ItemRecord(entry))

    def settle(self) -> None:
        """Add the entries that were taken for later."""
        if not self._waiting:
            return
        self._add_path()
        encode_into, buffer = self._encoder.encode_into, self._buffer
        for record in self._waiting:
            before = len(buffer)
            encode_into(record, buffer, -1)
            self._records += 1
            self.size += len(buffer) - before
            if len(buffer) >= FRAME_BYTES:
                self._cut()
        self._waiting.clear()

    def take(self) -> tuple[bytes, ...]:
        """Return the plaintexts of TREE frames with what was added since this was asked last."""
        self.settle()
        self._cut()
        taken, self._frames, self.size = tuple(self._frames), [], 0
        return taken

    def _add_path(self) -> None:
        for name in self._path[self._written :]:
            self._add(EnterRecord(Entry(name, EntryType.DIRECTORY, 0)))
        self._written = len(self._path)

    def _add(self, record: Record) -> None:
        before = len(self._buffer)
        self._encoder.encode_into(record, self._buffer, -1)
        self._records += 1
        self.size += len(self._buffer) - before
        if len(self._buffer) >= FRAME_BYTES:
            self._cut()

    def _cut(self) -> None:
        if not self._records:
            return
        self._buffer[:_HEAD_BYTES] = _ARRAY_32 + self._records.to_bytes(4, "big")
        self._frames.append(bytes(self._buffer))
        del self._buffer[_HEAD_BYTES:]
        self._records = 0
