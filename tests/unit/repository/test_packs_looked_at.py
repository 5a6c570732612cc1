"""What happens to a pack between its making and its place in a region is noticed, and nothing of it is stored."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.repository.compression import ChunkCompressor
from strongroom.repository.errors import TamperedError
from strongroom.repository.layout import PACKS
from strongroom.repository.writer import WriterOptions
from strongroom.storage.errors import ChecksumMismatchError
from strongroom.storage.local import INCOMING, LocalStore
from strongroom.storage.store import Store
from tests.unit.repository.room import Room
from tests.unit.repository.trees import MemoryWalk, file

ONE_PACK = WriterOptions(workers=1, uploads=1)
NOT_DECODED = WriterOptions(workers=1, uploads=1, verify_packs=False)
SMALL, LARGE = 100_000, 3_000_000
"""Bytes of packs that go through the kernel's cache, and past it."""


@pytest.fixture
def region(tmp_path: Path) -> LocalStore:
    store = LocalStore("home", tmp_path / "region")
    store.prepare()
    return store


def store_pack(room: Room, store: Store, content: bytes, options: WriterOptions = ONE_PACK) -> None:
    with room.writer(room.identity(), store, options) as writer:
        writer.begin()
        writer.write(MemoryWalk(file(b"a", content)))


def packs(store: Store) -> list[str]:
    return [info.key for info in store.list(PACKS)]


def flip_at(share: float) -> Callable[[int], None]:
    def flip(descriptor: int) -> None:
        at = int((os.fstat(descriptor).st_size - 1) * share)
        byte = os.pread(descriptor, 1, at)
        os.pwrite(descriptor, bytes([byte[0] ^ 4]), at)

    return flip


def cut(descriptor: int) -> None:
    os.ftruncate(descriptor, os.fstat(descriptor).st_size - 1)


def lengthen(descriptor: int) -> None:
    os.pwrite(descriptor, b"\0", os.fstat(descriptor).st_size)


def lose(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    os.ftruncate(descriptor, 0)
    os.ftruncate(descriptor, size)


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """Have a disk do something to every file that it was told to keep."""

    def begin(damage: Callable[[int], None]) -> None:
        keep = os.fsync

        def spoiling(descriptor: int) -> None:
            keep(descriptor)
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_size >= SMALL:
                again = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)
                damage(again)
                os.close(again)

        monkeypatch.setattr(os, "fsync", spoiling)

    return begin


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("share", [0, 0.00001, 0.0005, 0.3, 0.9999, 1])
@pytest.mark.parametrize("options", [ONE_PACK, NOT_DECODED], ids=["decoded", "not decoded"])
def test_a_bit_that_a_disk_flips_is_noticed(
    room: Room, region: LocalStore, spoil, size: int, share: float, options: WriterOptions
) -> None:
    spoil(flip_at(share))
    with pytest.raises(TamperedError, match="does not open again as it was made"):
        store_pack(room, region, os.urandom(size), options)
    assert packs(region) == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_disk_that_loses_what_was_written_is_noticed(room: Room, region: LocalStore, spoil, size: int) -> None:
    spoil(lose)
    with pytest.raises(TamperedError, match="does not open again as it was made"):
        store_pack(room, region, os.urandom(size))
    assert packs(region) == []


@pytest.mark.parametrize("damage", [cut, lengthen])
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_of_another_length_is_noticed(room: Room, region: LocalStore, spoil, size: int, damage) -> None:
    spoil(damage)
    with pytest.raises(ChecksumMismatchError, match="nothing was stored"):
        store_pack(room, region, os.urandom(size))
    assert packs(region) == []


@pytest.mark.parametrize("directory", [False, True])
def test_a_bit_that_flips_while_a_chunk_is_compressed_is_noticed(
    room: Room, region: LocalStore, monkeypatch: pytest.MonkeyPatch, *, directory: bool
) -> None:
    compress = ChunkCompressor.compress

    def flipping(self: ChunkCompressor, plain: bytes | memoryview) -> bytes | memoryview:
        flipped = bytearray(plain)
        if len(plain) > SMALL:
            flipped[50_000] ^= 1
        return compress(self, flipped)

    monkeypatch.setattr(ChunkCompressor, "compress", flipping)
    store: Store = region if directory else room.home
    with pytest.raises(TamperedError, match="changed between hashing and sealing"):
        store_pack(room, store, os.urandom(SMALL) * 10)
    assert packs(store) == []


def test_a_pack_that_is_sound_is_stored_under_its_digest(room: Room, region: LocalStore) -> None:
    with room.writer(room.identity(), region, ONE_PACK) as writer:
        writer.begin()
        writer.write(MemoryWalk(file(b"a", os.urandom(LARGE))))
        writer.seal()
    stored = packs(region)
    assert stored
    for key in stored:
        sha256 = bytes.fromhex(key.rsplit("/")[-1].removesuffix(".pk"))
        region.confirm(key, size=len(region.get(key)), sha256=sha256)


def test_nothing_is_left_behind_of_a_pack_that_was_not_stored(
    room: Room, region: LocalStore, tmp_path: Path, spoil
) -> None:
    spoil(flip_at(0.5))
    with pytest.raises(TamperedError):
        store_pack(room, region, os.urandom(LARGE))
    assert list((tmp_path / "region" / INCOMING).iterdir()) == []
