"""Reading a content that only grows: what was stored of it before is taken over, and only what was appended is read."""

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.repository.baseline import runs_of
from strongroom.repository.blocks import BLOCK_BYTES, BlockHasher, digests_kept, settled_blocks
from strongroom.repository.cutting import FILE_CUTS, Reading
from strongroom.repository.intake import Intake
from strongroom.repository.root import SourceKeys
from strongroom.tree.content import SeekableContent
from strongroom.tree.entry import Entry, Run

MAX_PIECES = 64
"""Appended pieces of a content before it is read as a whole once more, so that they are stored side by side."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where reading begins, and what is known of the content before."""

    hasher: BlockHasher
    runs: tuple[Run, ...] = ()
    length: int = 0


class _Hashed:
    """Content that is hashed while it is read."""

    def __init__(self, content: SeekableContent, hasher: BlockHasher) -> None:
        self._content = content
        self._hasher = hasher
        self.entry = content.entry
        self.holes = content.holes
        self.settle = content.settle

    def readinto(self, view: memoryview) -> int:
        count = self._content.readinto(view)
        self._hasher.update(view[:count])
        return count


class AppendReader:
    """Reads contents that may be longer versions of earlier ones; `tick` is called with the bytes read."""

    def __init__(self, intake: Intake, keys: SourceKeys, tick: Callable[[int], None]) -> None:
        self._intake = intake
        self._keys = keys
        self._tick = tick

    def read(self, content: SeekableContent, earlier: Entry | None) -> Reading:
        """Read a content, from the end of `earlier` on if it is seen to begin with that one; sets the entry's blocks.

        Seen are the first 64 KiB and the last 64 to 128 KiB of the earlier content, which have to be there still.
        """
        start = self._resume(content, earlier) if earlier is not None else None
        if start is None:
            content.seek(0)
            start = _Start(BlockHasher(self._keys))
        rest = max(0, content.entry.size - start.length)
        read = self._intake.read(_Hashed(content, start.hasher), stream=False, previous=None, size=rest)
        content.entry.blocks = start.hasher.blocks
        return Reading(
            read.pieces, start.length + read.length, start.hasher.digest(), start.runs + read.runs, start.length
        )

    def _resume(self, content: SeekableContent, earlier: Entry) -> _Start | None:
        if not _may_continue(earlier, content):
            return None
        hasher = BlockHasher.resume(self._keys, earlier.blocks, earlier.size)
        if earlier.blocks and hasher.leaf(self._read_at(content, 0, BLOCK_BYTES)) != earlier.blocks[0]:
            return None
        settled = settled_blocks(earlier.size) * BLOCK_BYTES
        hasher.update(self._read_at(content, settled, earlier.size - settled))
        if hasher.digest() != earlier.digest:
            return None
        return _Start(hasher, tuple(runs_of(earlier)), earlier.size)

    def _read_at(self, content: SeekableContent, offset: int, length: int) -> memoryview:
        view = memoryview(bytearray(length))
        content.seek(offset)
        filled = 0
        while filled < length:
            count = content.readinto(view[filled:])
            if count == 0:
                break
            filled += count
            self._tick(count)
        return view[:filled]


def _may_continue(earlier: Entry, content: SeekableContent) -> bool:
    """Tell from what is recorded whether the content can be a longer version of an earlier one, or the same renamed."""
    now = content.entry
    runs = runs_of(earlier)
    return (
        not content.holes()
        and (earlier.size < now.size or (earlier.size, earlier.mtime_ns) == (now.size, now.mtime_ns))
        and sum(run.length for run in runs) == earlier.size
        and len(earlier.blocks) == digests_kept(earlier.size)
        and len(runs) <= earlier.size // FILE_CUTS[0] + MAX_PIECES
    )
