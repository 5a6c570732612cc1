"""The objects in an archive as a region holds them, to read a backup from: nothing is unpacked."""

import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strongroom.exports.errors import ExportDamagedError, ReadOnlyExportError
from strongroom.storage.digests import verify_stored_sha256, verify_stored_size
from strongroom.storage.errors import ObjectNotFoundError
from strongroom.storage.keys import is_key, verify_key, verify_prefix
from strongroom.storage.store import Body, Capabilities, Evidence, ObjectInfo, ObjectVersion


class ArchivedStore:
    """The objects of one archive, read from where they lie in it; safe among threads. Every change is refused."""

    def __init__(self, region: str, descriptor: int, places: dict[str, tuple[int, int]]) -> None:
        self.region = region
        self._descriptor = descriptor
        self._places = places

    def read_as(self, region: str) -> "ArchivedStore":
        """Return the same objects as another region holds them."""
        return ArchivedStore(region, self._descriptor, self._places)

    def get(self, key: str) -> bytes:
        start, size = self._place(key)
        return self._read(key, start, size)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        first, size = self._place(key)
        begin = min(size, start) if start >= 0 else max(0, size + start)
        return self._read(key, first + begin, min(length, size - begin))

    def find(self, key: str) -> ObjectInfo | None:
        verify_key(key)
        return ObjectInfo(key, self._places[key][1]) if key in self._places else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        verify_prefix(prefix)
        for key in sorted(self._places):
            if key.startswith(prefix):
                yield ObjectInfo(key, self._places[key][1])

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        return (ObjectVersion(info.key, "") for info in self.list(prefix))

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        self.attest(key, size=size, sha256=sha256)
        found = hashlib.sha256(self.get(key)).digest()
        verify_stored_sha256(self.region, key, found=found, expected=sha256)
        return Evidence.CHECKSUM

    def attest(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        verify_stored_size(self.region, key, found=self._place(key)[1], expected=size)
        return Evidence.SIZE

    def put(self, key: str, body: Body, *, sha256: bytes) -> Evidence | None:
        raise _refused()

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        raise _refused()

    def delete(self, key: str) -> None:
        raise _refused()

    def probe(self) -> Capabilities:
        raise _refused()

    def _place(self, key: str) -> tuple[int, int]:
        verify_key(key)
        if key not in self._places:
            raise ObjectNotFoundError(
                f"The export holds no object {key}.", next_step="Take another export.", region=self.region, key=key
            )
        return self._places[key]

    def _read(self, key: str, start: int, size: int) -> bytes:
        found = os.pread(self._descriptor, size, start)
        while len(found) < size and (more := os.pread(self._descriptor, size - len(found), start + len(found))):
            found += more
        if len(found) < size:
            raise ExportDamagedError(f"The archive ends within {key}.", next_step="Take another export.")
        return found


@contextmanager
def open_archive(path: Path, region: str) -> Iterator[ArchivedStore]:
    """Open an archive as the region that it is read as; raises ExportDamagedError."""
    with path.open("rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                places = _places(tar)
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise ExportDamagedError(
                f"The archive {path.name} cannot be read: {error}.", next_step="Take another export."
            ) from None
        yield ArchivedStore(region, file.fileno(), places)


def _places(tar: tarfile.TarFile) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for member in tar:
        # Sparse members, links and names twice are not what we write, and would say one thing to one reader and
        # something else to another.
        if not member.isreg() or member.issparse() or not is_key(member.name) or member.name in places:
            raise ValueError("it holds something that is no object of a backup")
        places[member.name] = (member.offset_data, member.size)
    return places


def _refused() -> ReadOnlyExportError:
    return ReadOnlyExportError("An export is only read.", next_step="Restore it, and back up what was restored.")
