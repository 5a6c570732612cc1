"""Large files to and from the disk itself, past the kernel's cache, where the file system has a way past it.

The cache takes a page of memory for every page of a pack, which nobody reads soon, and puts out what others had in it;
making these pages costs more than hashing what is in them. And what is read back past the cache is what the disk has.
"""

import errno
import fcntl
import hashlib
import mmap
import os
import threading
from collections.abc import Iterable

LARGE_BYTES = 1024 * 1024
"""From here on a file goes past the cache."""

BLOCK_BYTES = 4096
_SCRATCH_BYTES = 1024 * 1024
_SPOILED_EVERY = 512

_own = threading.local()


def write_parts(descriptor: int, parts: Iterable[memoryview], size: int) -> None:
    """Write parts of `size` bytes together to a new file, one behind the other; raises OSError."""
    is_direct = size >= LARGE_BYTES and _set_direct(descriptor, wanted=True)
    for part in parts:
        is_direct = _write_all(descriptor, part, is_direct=is_direct)


def file_sha256(descriptor: int) -> bytes:
    """Return the SHA-256 of a file from its start, of a large one as the disk has it; raises OSError."""
    is_direct = os.fstat(descriptor).st_size >= LARGE_BYTES and _set_direct(descriptor, wanted=True)
    digest = hashlib.sha256()
    scratch = _scratch()
    offset = 0
    while count := _read(descriptor, scratch, offset, is_direct=is_direct):
        digest.update(scratch[:count])
        offset += count
        # Only a file's last block may be short, and behind it the cache's own way says that this is the end.
        is_direct = is_direct and (not offset % BLOCK_BYTES or _set_direct(descriptor, wanted=False))
    return digest.digest()


def read_back(descriptor: int, into: memoryview) -> int:
    """Read a file from its start, a large one as the disk has it; return how many bytes it filled. Raises OSError.

    The file may be the one that this memory was written to: what the disk does not give is not taken for its bytes.
    """
    into[::_SPOILED_EVERY] = bytes(len(range(0, len(into), _SPOILED_EVERY)))
    is_direct = len(into) >= LARGE_BYTES and _set_direct(descriptor, wanted=True)
    filled = 0
    while filled < len(into):
        rest = into[filled:]
        if is_direct and len(rest) < BLOCK_BYTES:
            is_direct = _set_direct(descriptor, wanted=False)
        whole = rest[: len(rest) - len(rest) % BLOCK_BYTES] if is_direct else rest
        count = _read(descriptor, whole, filled, is_direct=is_direct)
        if not count:
            break
        filled += count
    return filled


def _write_all(descriptor: int, rest: memoryview, *, is_direct: bool) -> bool:
    """Write a part and say whether what follows may go past the cache too."""
    while rest:
        if is_direct and len(rest) < BLOCK_BYTES:
            is_direct = _set_direct(descriptor, wanted=False)
        whole = rest[: len(rest) - len(rest) % BLOCK_BYTES] if is_direct else rest
        try:
            rest = rest[os.write(descriptor, whole) :]
        except OSError as error:
            # Memory or a place in the file that is not on the bounds the disk wants.
            if not is_direct or error.errno != errno.EINVAL:
                raise
            is_direct = _set_direct(descriptor, wanted=False)
    return is_direct


def _read(descriptor: int, scratch: memoryview, offset: int, *, is_direct: bool) -> int:
    try:
        return os.preadv(descriptor, [scratch], offset)
    except OSError as error:
        if not is_direct or error.errno != errno.EINVAL:
            raise
    _set_direct(descriptor, wanted=False)
    return os.preadv(descriptor, [scratch], offset)


def _set_direct(descriptor: int, *, wanted: bool) -> bool:
    """Turn the way past the cache on or off and say whether it is on."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return wanted


def _scratch() -> memoryview:
    if not hasattr(_own, "scratch"):
        _own.scratch = memoryview(mmap.mmap(-1, _SCRATCH_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    scratch: memoryview = _own.scratch
    return scratch
