"""A store in memory that keeps the whole contract, and a store that breaks at the moment it is told to."""

import hashlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, StrEnum

from strongroom.clock import RandomBytes, system_random
from strongroom.storage.digests import verify_body, verify_stored_sha256, verify_stored_size
from strongroom.storage.errors import ObjectExistsError, ObjectNotFoundError, StoreFullError, StoreUnavailableError
from strongroom.storage.keys import verify_key, verify_prefix
from strongroom.storage.probing import probe_store
from strongroom.storage.store import Body, Capabilities, Evidence, ObjectInfo, ObjectVersion, Store


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

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        return (ObjectVersion(info.key, "") for info in self.list(prefix))

    def delete(self, key: str) -> None:
        verify_key(key)
        with self._lock:
            self.objects.pop(key, None)

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        body = self.get(key)
        verify_stored_size(self.region, key, found=len(body), expected=size)
        verify_stored_sha256(self.region, key, found=hashlib.sha256(body).digest(), expected=sha256)
        return Evidence.CHECKSUM

    def attest(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        return self.confirm(key, size=size, sha256=sha256)

    def probe(self) -> Capabilities:
        return probe_store(self, self._random)


class Operation(StrEnum):
    """The calls of a store."""

    PUT = "put"
    CREATE = "create"
    GET = "get"
    GET_RANGE = "get_range"
    FIND = "find"
    LIST = "list"
    VERSIONS = "versions"
    DELETE = "delete"
    CONFIRM = "confirm"
    ATTEST = "attest"
    PROBE = "probe"


class Moment(Enum):
    """Whether the fault strikes before the store has done anything, or after it has done it."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the n-th call (counted from 1) of one operation on keys that start with key_prefix.

    `times` calls in a row are hit. `strike` raises, waits, or ends the process.
    """

    operation: Operation
    strike: Callable[[], None]
    nth: int = 1
    times: int = 1
    moment: Moment = Moment.BEFORE
    key_prefix: str = ""


def server_error() -> None:
    """Strike as a server does that answers 500 until the client gives up; raises StoreUnavailableError."""
    raise StoreUnavailableError("The store answered 500.", next_step="The fault was asked for by a test.")


def no_room() -> None:
    """Strike as a full disk does; raises StoreFullError."""
    raise StoreFullError("The store has no room.", next_step="The fault was asked for by a test.")


def sudden_death() -> None:
    """Strike as the kernel's out-of-memory killer does: SIGKILL to this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang_until(released: threading.Event) -> Callable[[], None]:
    """Strike as a dead connection does: wait until the event is set, then raise StoreUnavailableError."""

    def hang() -> None:
        released.wait()
        server_error()

    return hang


class FaultyStore:
    """Another store, with faults at planned calls; calls are counted across threads."""

    def __init__(self, store: Store, plan: Sequence[Fault]) -> None:
        self.region = store.region
        self._store = store
        self._plan = tuple(plan)
        self._calls: Counter[Fault] = Counter()
        self._lock = threading.Lock()

    def put(self, key: str, body: Body, *, sha256: bytes) -> None:
        with self._faults(Operation.PUT, key):
            self._store.put(key, body, sha256=sha256)

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        with self._faults(Operation.CREATE, key):
            self._store.create(key, body, sha256=sha256)

    def get(self, key: str) -> bytes:
        with self._faults(Operation.GET, key):
            return self._store.get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self._faults(Operation.GET_RANGE, key):
            return self._store.get_range(key, start, length)

    def find(self, key: str) -> ObjectInfo | None:
        with self._faults(Operation.FIND, key):
            return self._store.find(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._faults(Operation.LIST, prefix):
            yield from self._store.list(prefix)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        with self._faults(Operation.VERSIONS, prefix):
            yield from self._store.versions(prefix)

    def delete(self, key: str) -> None:
        with self._faults(Operation.DELETE, key):
            self._store.delete(key)

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        with self._faults(Operation.CONFIRM, key):
            return self._store.confirm(key, size=size, sha256=sha256)

    def attest(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        with self._faults(Operation.ATTEST, key):
            return self._store.attest(key, size=size, sha256=sha256)

    def probe(self) -> Capabilities:
        with self._faults(Operation.PROBE, ""):
            return self._store.probe()

    @contextmanager
    def _faults(self, operation: Operation, key: str) -> Iterator[None]:
        due = self._count(operation, key)
        _strike(due, Moment.BEFORE)
        yield
        _strike(due, Moment.AFTER)

    def _count(self, operation: Operation, key: str) -> Sequence[Fault]:
        with self._lock:
            met = [fault for fault in self._plan if fault.operation is operation and key.startswith(fault.key_prefix)]
            self._calls.update(met)
            return [fault for fault in met if fault.nth <= self._calls[fault] < fault.nth + fault.times]


def _strike(due: Sequence[Fault], moment: Moment) -> None:
    for fault in due:
        if fault.moment is moment:
            fault.strike()
