"""A store in memory that keeps the whole contract."""

import hashlib
import threading
from collections.abc import Iterator

from strongroom.clock import RandomBytes, system_random
from strongroom.storage.digests import verify_body, verify_stored_sha256, verify_stored_size
from strongroom.storage.errors import ObjectExistsError, ObjectNotFoundError
from strongroom.storage.keys import verify_key, verify_prefix
from strongroom.storage.probing import probe_store
from strongroom.storage.store import Body, Capabilities, Evidence, ObjectInfo


class MemoryStore:
    """Whole objects in a dictionary, safe among threads.

    `objects` is open to tests that damage what is stored.
    """

    def __init__(self, region: str, *, random: RandomBytes = system_random) -> None:
        self.region = region
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._random = random

    def put(self, key: str, body: Body, *, sha256: bytes) -> None:
        verify_key(key)
        verify_body(key, body, sha256)
        with self._lock:
            self.objects[key] = bytes(body)

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        verify_key(key)
        verify_body(key, body, sha256)
        with self._lock:
            if key in self.objects:
                raise ObjectExistsError(f"{self.region} already holds {key}.", next_step="Read the existing object.")
            self.objects[key] = bytes(body)

    def get(self, key: str) -> bytes:
        verify_key(key)
        with self._lock:
            if key not in self.objects:
                raise ObjectNotFoundError(f"{self.region} holds no object {key}.", next_step="Check the other regions.")
            return self.objects[key]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        body = self.get(key)
        first = start if start >= 0 else max(0, len(body) + start)
        return body[first : first + length]

    def find(self, key: str) -> ObjectInfo | None:
        verify_key(key)
        with self._lock:
            body = self.objects.get(key)
        return None if body is None else ObjectInfo(key, len(body))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        verify_prefix(prefix)
        with self._lock:
            found = sorted((key, len(body)) for key, body in self.objects.items() if key.startswith(prefix))
        for key, size in found:
            yield ObjectInfo(key, size)

    def delete(self, key: str) -> None:
        verify_key(key)
        with self._lock:
            self.objects.pop(key, None)

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        body = self.get(key)
        verify_stored_size(self.region, key, found=len(body), expected=size)
        verify_stored_sha256(self.region, key, found=hashlib.sha256(body).digest(), expected=sha256)
        return Evidence.CHECKSUM

    def probe(self) -> Capabilities:
        return probe_store(self, self._random)
