"""Putting a listing in the order of a tree, on the disk where it is long.

A bucket lists keys by their bytes, in which `a-b` comes before `a/b`; a tree has directory `a` first.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import IO

import msgspec

from strongroom.sources.s3 import names

MOST_IN_MEMORY = 50_000
"""Records that are sorted in memory at a time: some 40 MB."""

_LENGTH = 4


class Listed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A version of an object, or a delete marker, as the listing shows it; the time is nanoseconds since 1970."""

    path: names.Path
    key: str
    version_id: str
    etag: str
    size: int
    mtime_ns: int
    is_latest: bool
    is_marker: bool = False
    storage_class: str = ""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Listed)
_in_order = attrgetter("path")


@contextmanager
def sorted_listing(records: Iterable[Listed], scratch: Path) -> Iterator[Iterator[Listed]]:
    """Give the records in the order of their paths; long listings lie in private files below scratch meanwhile."""
    with ExitStack() as stack:
        runs: list[Iterator[Listed]] = []
        batch: list[Listed] = []
        for record in records:
            batch.append(record)
            if len(batch) >= MOST_IN_MEMORY:
                runs.append(_spooled(sorted(batch, key=_in_order), stack, scratch))
                batch = []
        runs.append(iter(sorted(batch, key=_in_order)))
        yield heapq.merge(*runs, key=_in_order)


def _spooled(records: list[Listed], stack: ExitStack, scratch: Path) -> Iterator[Listed]:
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Without a name on the disk: nothing is left behind, however the process ends.
    file = stack.enter_context(tempfile.TemporaryFile(dir=scratch))  # noqa: SIM115 # the stack closes it
    for record in records:
        encoded = _ENCODER.encode(record)
        file.write(len(encoded).to_bytes(_LENGTH, "big") + encoded)
    file.seek(0)
    return _read(file)


def _read(file: IO[bytes]) -> Iterator[Listed]:
    while header := file.read(_LENGTH):
        yield _DECODER.decode(file.read(int.from_bytes(header, "big")))
