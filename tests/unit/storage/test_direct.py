"""Files past the kernel's cache: the same bytes, whatever their size and wherever they lie in memory."""

import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.storage.direct import BLOCK_BYTES, LARGE_BYTES, file_sha256, write_parts

SIZES = [
    0,
    1,
    LARGE_BYTES - 1,
    LARGE_BYTES,
    LARGE_BYTES + 1,
    LARGE_BYTES + BLOCK_BYTES,
    3 * LARGE_BYTES + BLOCK_BYTES + 17,
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shift", [0, 1, 512])
@pytest.mark.parametrize("part", [64 * 1024, 100_000, 1 << 30])
def test_what_is_written_in_parts_is_what_the_file_holds(tmp_path: Path, size: int, shift: int, part: int) -> None:
    body = _at_page(os.urandom(size), shift)
    with _opened(tmp_path / "file", os.O_WRONLY | os.O_CREAT) as descriptor:
        write_parts(descriptor, (body[start : start + part] for start in range(0, size, part)), size)
    assert (tmp_path / "file").read_bytes() == body.tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_the_digest_is_that_of_the_whole_file(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    with _opened(tmp_path / "file", os.O_RDONLY) as descriptor:
        assert file_sha256(descriptor) == hashlib.sha256(content).digest()


def test_a_large_file_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    size = 4 * LARGE_BYTES
    with _opened(tmp_path / "file", os.O_RDWR | os.O_CREAT) as descriptor:
        if not _goes_past(descriptor):
            pytest.skip("the file system of the temporary directory knows no way past the cache")
        write_parts(descriptor, [_at_page(os.urandom(size), 0)], size)
        file_sha256(descriptor)
    with _opened(tmp_path / "file", os.O_RDONLY) as descriptor, pytest.raises(BlockingIOError):
        os.preadv(descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)


def test_a_file_system_without_a_way_past_the_cache_is_written_all_the_same() -> None:
    # A file in memory has no disk, and the kernel refuses the flag for it.
    descriptor = os.memfd_create("direct")
    try:
        body = os.urandom(2 * LARGE_BYTES + 5)
        write_parts(descriptor, [memoryview(body)], len(body))
        assert os.pread(descriptor, 3 * LARGE_BYTES, 0) == body
        assert file_sha256(descriptor) == hashlib.sha256(body).digest()
    finally:
        os.close(descriptor)


def test_a_full_disk_is_reported() -> None:
    with _opened(Path("/dev/full"), os.O_WRONLY) as descriptor, pytest.raises(OSError, match="No space left"):
        write_parts(descriptor, [_at_page(bytes(2 * LARGE_BYTES), 0)], 2 * LARGE_BYTES)


def _at_page(content: bytes, shift: int) -> memoryview:
    buffer = mmap.mmap(-1, max(1, len(content) + shift))
    buffer[shift : shift + len(content)] = content
    return memoryview(buffer)[shift : shift + len(content)]


def _goes_past(descriptor: int) -> bool:
    try:
        os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
