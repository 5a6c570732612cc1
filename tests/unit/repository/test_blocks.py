"""The digest of a content that grows is the same in whatever pieces it came, and is frozen with the format."""

import blake3
import pytest

from strongroom.repository.blocks import BLOCK_BYTES, BlockHasher, digests_kept
from strongroom.repository.root import SourceKeys

KEYS = SourceKeys(chunk_id=bytes(32), content=b"c" * 32, cut_seed=1, growing=b"g" * 32)


def content(size: int) -> memoryview:
    return memoryview(blake3.blake3(b"content").digest(length=size))


def hashed(size: int) -> BlockHasher:
    hasher = BlockHasher(KEYS)
    hasher.update(content(size))
    return hasher


def leaf(number: int) -> bytes:
    block = content((number + 1) * BLOCK_BYTES)[number * BLOCK_BYTES :]
    return blake3.blake3(b"\0" + bytes(block), key=KEYS.growing).digest()


def node(left: bytes, right: bytes) -> bytes:
    return blake3.blake3(b"\1" + left + right, key=KEYS.growing).digest()


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES - 1])
def test_below_two_blocks_it_is_the_plain_digest(size: int) -> None:
    assert hashed(size).digest() == blake3.blake3(bytes(content(size)), key=KEYS.content).digest()
    assert hashed(size).blocks == []


def test_it_is_made_as_the_format_says() -> None:
    hasher = hashed(4 * BLOCK_BYTES + 5)
    pair = node(leaf(0), leaf(1))
    end = blake3.blake3(bytes(content(4 * BLOCK_BYTES + 5)[3 * BLOCK_BYTES :]), key=KEYS.content).digest()
    top = b"\2" + (3).to_bytes(8, "big") + leaf(0) + pair + leaf(2) + end

    assert hasher.blocks == [leaf(0), pair, leaf(2)]
    assert hasher.digest() == blake3.blake3(top, key=KEYS.growing).digest()


def test_it_is_frozen() -> None:
    assert hashed(1_000_000).digest().hex() == "0138a6b5316cd05cedaecbf88a8344a5c93514fca9d516f1f712a088eb3f93cd"


@pytest.mark.parametrize("size", [0, BLOCK_BYTES, 2 * BLOCK_BYTES, 5 * BLOCK_BYTES + 7, 1_000_000])
@pytest.mark.parametrize("more", [0, 1, BLOCK_BYTES, 400_000])
def test_it_goes_on_where_it_ended(size: int, more: int) -> None:
    whole = hashed(size + more)
    resumed = BlockHasher.resume(KEYS, hashed(size).blocks, size)

    resumed.update(content(size + more)[max(0, size // BLOCK_BYTES - 1) * BLOCK_BYTES :])

    assert (resumed.digest(), resumed.blocks) == (whole.digest(), whole.blocks)
    assert len(whole.blocks) == digests_kept(size + more)
