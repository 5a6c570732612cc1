"""The digest of a content that grows: it goes on from where an earlier backup ended, without the bytes before.

The content, holes left out, is cut into blocks of 64 KiB. The last 64 to 128 KiB (all of a content below 128 KiB) are
the *end*, which stays open; the n blocks before it are settled. With k the key that is used for nothing else:

    leaf     BLAKE3(k, 0x00 + block)
    node     BLAKE3(k, 0x01 + left + right), over two perfect subtrees of equal size
    blocks   leaf of the first block, then the perfect subtrees that the binary digits of n stand for, largest first
    digest   BLAKE3(k, 0x02 + n as 8 bytes, big-endian + blocks + BLAKE3(content key, end))

Without a settled block the digest is BLAKE3(content key, content), as it is for any other content, and `blocks` is
empty. The digest depends on the content alone, not on the pieces in which it was read.
"""

from collections.abc import Sequence
from typing import Self

import blake3

from strongroom.repository.root import SourceKeys

BLOCK_BYTES = 64 * 1024

_LEAF, _NODE, _TOP = b"\0", b"\1", b"\2"


def settled_blocks(length: int) -> int:
    """Return how many blocks of a content of this length are settled."""
    return max(0, length // BLOCK_BYTES - 1)


def digests_kept(length: int) -> int:
    """Return how many digests `blocks` has for a content of this length."""
    count = settled_blocks(length)
    return 1 + count.bit_count() if count else 0


class BlockHasher:
    """Takes in a content from its start, or from the end that an earlier one left open."""

    def __init__(self, keys: SourceKeys) -> None:
        self._keys = keys
        self._count = 0
        self._first: list[bytes] = []
        self._subtrees: list[bytes] = []
        self._end = bytearray()

    @classmethod
    def resume(cls, keys: SourceKeys, blocks: Sequence[bytes], length: int) -> Self:
        """Stand behind the settled blocks of a content of this length; its end is to be taken in again."""
        hasher = cls(keys)
        hasher._count = settled_blocks(length)
        hasher._first, hasher._subtrees = list(blocks[:1]), list(blocks[1:])
        return hasher

    @property
    def blocks(self) -> list[bytes]:
        """Return what has to be kept to resume."""
        return self._first + self._subtrees

    def update(self, data: memoryview) -> None:
        """Take in the next bytes."""
        self._end += data
        settled = settled_blocks(len(self._end))
        with memoryview(self._end) as view:
            for number in range(settled):
                self._settle(view[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES])
        del self._end[: settled * BLOCK_BYTES]

    def digest(self) -> bytes:
        """Return the digest of all that was taken in."""
        end = blake3.blake3(self._end, key=self._keys.content).digest()
        if not self._count:
            return end
        return self._hash(_TOP, self._count.to_bytes(8, "big"), *self.blocks, end)

    def leaf(self, block: memoryview) -> bytes:
        """Return the digest of one block."""
        return self._hash(_LEAF, block)

    def _settle(self, block: memoryview) -> None:
        tree = self.leaf(block)
        self._first = self._first or [tree]
        # Every one bit at the end of the count is a subtree that this block completes.
        for _ in range((~self._count & (self._count + 1)).bit_length() - 1):
            tree = self._hash(_NODE, self._subtrees.pop(), tree)
        self._subtrees.append(tree)
        self._count += 1

    def _hash(self, *parts: bytes | memoryview) -> bytes:
        hasher = blake3.blake3(key=self._keys.growing)
        for part in parts:
            hasher.update(part)
        return hasher.digest()
