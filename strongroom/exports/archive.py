"""Writing the archive of one backup: a tar file whose members are the objects that a region holds of it.

Objects are already encrypted and signed; the archive adds nothing and hides nothing. The commit record comes last, so
that an archive that was cut short holds no backup.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from strongroom.repository.objects import get_object
from strongroom.repository.replica import ObjectRef
from strongroom.storage.errors import ChecksumMismatchError
from strongroom.storage.store import Store

BLOCK = 512
END = 20 * BLOCK
"""Tar files end with zeros up to a multiple of twenty blocks."""


@dataclass(frozen=True, slots=True)
class Written:
    """An archive on the disk: its size in bytes, and the SHA-256 of all of it in hexadecimal."""

    size: int
    sha256: str


def archive_size(objects: Sequence[ObjectRef]) -> int:
    """Return the most bytes that an archive of these objects takes."""
    # Three blocks of header for a name of more than a hundred letters, and the rest of the last block.
    return sum(ref.size + 4 * BLOCK for ref in objects) + END


def write_archive(path: Path, store: Store, objects: Sequence[ObjectRef], report: Callable[[int], None]) -> Written:
    """Copy objects of a region into a new file of mode 600, on the disk when this returns; `report` gets bytes so far.

    Raises ChecksumMismatchError where the region holds other bytes than were written, FileExistsError and OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        hashing = _Hashing(file)
        with tarfile.open(fileobj=hashing, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for ref in objects:
                tar.addfile(_member(ref), io.BytesIO(_object(store, ref)))
                report(hashing.written)
        file.flush()
        os.fsync(file.fileno())
    return Written(hashing.written, hashing.sha256.hexdigest())


def _object(store: Store, ref: ObjectRef) -> bytes:
    body = get_object(store, ref.key)
    if hashlib.sha256(body).digest() != ref.sha256:
        raise ChecksumMismatchError(
            f"Region {store.region} holds other bytes than were written under {ref.key}.",
            next_step="Mend it: `strongroom repair --all`; then export again.",
        )
    return body


def _member(ref: ObjectRef) -> tarfile.TarInfo:
    member = tarfile.TarInfo(ref.key)
    member.size, member.mode = ref.size, 0o600
    return member


class _Hashing(io.RawIOBase):
    """A file that is only written forwards, and hashed on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.written

    def write(self, data: bytes) -> int:  # type: ignore[override]  # tarfile gives bytes only
        self._file.write(data)
        self.sha256.update(data)
        self.written += len(data)
        return len(data)
