"""A region in a local directory: one file per object, written beside its place and moved there whole.

Layout below the root: `<key>` holds the object's bytes and nothing else; `~region` marks the directory as a region, so
that an unmounted disk looks down instead of empty; `~incoming/` holds objects being written. No key contains a `~`.
Directories have mode 0700 and files 0600.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from strongroom.clock import RandomBytes, system_random
from strongroom.storage.digests import read_written, verify_stored_sha256, verify_stored_size, verify_written
from strongroom.storage.errors import ObjectExistsError, ObjectNotFoundError, StoreUnavailableError, UnsafeStoreError
from strongroom.storage.incoming import incoming_file, sweep_incoming, sync_directory
from strongroom.storage.keys import verify_key, verify_prefix
from strongroom.storage.local_errors import translated
from strongroom.storage.local_listing import list_files
from strongroom.storage.placing import place_file, remove_file
from strongroom.storage.probing import probe_store
from strongroom.storage.store import Body, Capabilities, Evidence, ObjectInfo, ObjectVersion, Place
from strongroom.storage.throttle import SLICE_BYTES, Throttle, unlimited

MARKER = "~region"
INCOMING = "~incoming"

_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


class LocalStore:
    """Whole objects as files below one directory, safe among threads and processes."""

    def __init__(
        self, region: str, root: Path, *, throttle: Throttle | None = None, random: RandomBytes = system_random
    ) -> None:
        self.region = region
        self._root = root
        self._throttle = throttle or unlimited()
        self._random = random
        self._swept = False
        self._placed: Path | None = None

    def prepare(self) -> None:
        """Make the directory, or an existing one, a region; no other call ever does. Raises as any call of a store."""
        with translated(self.region, str(self._root)):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._root / MARKER, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            sync_directory(self._root)

    def is_prepared(self) -> bool:
        """Say whether the directory is there and is a region."""
        return (self._root / MARKER).exists()

    def put(self, key: str, body: Body, *, sha256: bytes) -> Evidence:
        with self._verified(key, body, sha256) as written:
            return self._name(written, key)

    @contextmanager
    def written(self, body: memoryview) -> Iterator[Place]:
        with self._incoming("a new object", body) as path:
            read_written(path, body)
            yield partial(self._name, path)

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        with self._verified(key, body, sha256) as written:
            self._place(key, partial(self._link, written))

    def get(self, key: str) -> bytes:
        with self._reading(key) as path, path.open("rb") as file:
            return self._received(file)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self._reading(key) as path, path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            found = os.pread(file.fileno(), length, start if start >= 0 else max(0, size + start))
        self._throttle.download.pay(len(found))
        return found

    def find(self, key: str) -> ObjectInfo | None:
        try:
            with self._reading(key) as path:
                found = path.lstat()
        except ObjectNotFoundError:
            return None
        return ObjectInfo(key, found.st_size) if stat.S_ISREG(found.st_mode) else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        verify_prefix(prefix)
        self._throttle.requests.pay(1)
        with translated(self.region, prefix or "the listing"):
            self._verify_mounted()
            yield from list_files(self._root, prefix)
            # A region that went away during the walk must not pass for a smaller one.
            self._verify_mounted()

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        return (ObjectVersion(info.key, "") for info in self.list(prefix))

    def delete(self, key: str) -> None:
        verify_key(key)
        self._throttle.requests.pay(1)
        with translated(self.region, key):
            self._verify_mounted()
            remove_file(self._root, self._path(key))

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        with self._reading(key) as path, path.open("rb") as file:
            verify_stored_size(self.region, key, found=os.fstat(file.fileno()).st_size, expected=size)
            self._throttle.download.pay(size)
            found = hashlib.file_digest(file, "sha256").digest()
        verify_stored_sha256(self.region, key, found=found, expected=sha256)
        return Evidence.CHECKSUM

    def attest(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        with self._reading(key) as path:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise IsADirectoryError(key)
            verify_stored_size(self.region, key, found=found.st_size, expected=size)
        return Evidence.SIZE

    def probe(self) -> Capabilities:
        return probe_store(self, self._random)

    def _received(self, file: BinaryIO) -> bytes:
        if not self._throttle.download.is_limited:
            return file.read()
        parts: list[bytes] = []
        while part := file.read(SLICE_BYTES):
            self._throttle.download.pay(len(part))
            parts.append(part)
        return b"".join(parts)

    def _path(self, key: str) -> Path:
        return self._root / key

    @contextmanager
    def _reading(self, key: str) -> Iterator[Path]:
        verify_key(key)
        self._throttle.requests.pay(1)
        with translated(self.region, key):
            try:
                yield self._path(key)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                self._verify_mounted()
                raise ObjectNotFoundError(
                    f"Region {self.region} holds no object {key}.",
                    next_step="Check the region's other replicas; copying again brings the object back.",
                    region=self.region,
                    key=key,
                ) from None

    @contextmanager
    def _verified(self, key: str, body: Body, sha256: bytes) -> Iterator[Path]:
        verify_key(key)
        with self._incoming(key, body) as written:
            # What was written, not what was to be: one pass shows that both are right.
            verify_written(key, written, sha256)
            yield written

    @contextmanager
    def _incoming(self, what: str, body: Body) -> Iterator[Path]:
        self._throttle.requests.pay(1)
        with translated(self.region, what):
            self._verify_mounted()
            self._sweep_once()
            with incoming_file(self._root / INCOMING, body, self._throttle.upload) as written:
                yield written

    def _sweep_once(self) -> None:
        if not self._swept:
            sweep_incoming(self._root / INCOMING)
            self._swept = True

    def _name(self, written: Path, key: str) -> Evidence:
        verify_key(key)
        self._place(key, partial(os.replace, written))
        return Evidence.CHECKSUM

    def _place(self, key: str, move: Callable[[Path], None]) -> None:
        target = self._path(key)
        place_file(self._root, target, move, neighbour=self._placed)
        self._placed = target

    def _link(self, written: Path, target: Path) -> None:
        try:
            target.hardlink_to(written)
        except FileExistsError:
            raise ObjectExistsError(
                f"Region {self.region} already holds {target.relative_to(self._root)}; it was left as it is.",
                next_step="Read the existing object and decide by what it says.",
                region=self.region,
            ) from None
        except OSError as error:
            if error.errno in _NO_HARD_LINKS:
                raise self._without_hard_links() from error
            raise

    def _without_hard_links(self) -> UnsafeStoreError:
        return UnsafeStoreError(
            f"The file system below region {self.region} has no hard links, so nothing can be created exactly once.",
            next_step="Keep the region on a file system with hard links, such as ext4, XFS, Btrfs, ZFS or NFS.",
            region=self.region,
        )

    def _verify_mounted(self) -> None:
        if not (self._root / MARKER).is_file():
            raise StoreUnavailableError(
                f"The directory of region {self.region}, {self._root}, is missing or is not a region.",
                next_step="Mount it again; for a new, empty region run `strongroom init --upgrade`.",
                region=self.region,
            )
