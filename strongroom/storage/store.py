"""The object-store contract: whole objects under slash-separated keys."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeGuard

Body = bytes | bytearray | memoryview


class Evidence(StrEnum):
    """How a store showed that it holds the right bytes, strongest first."""

    CHECKSUM = "checksum"
    """The store itself computed the SHA-256 of what it holds."""
    ETAG = "etag"
    """The store itself computed an MD5 on receipt, equal to the one recorded with the object's SHA-256."""
    READ_BACK = "read-back"
    """The store offers no digest; the object was read and hashed."""
    SIZE = "size"
    """Nothing was read and the store offers no digest: an object of the right size is there."""

    def weaker(self, other: "Evidence") -> "Evidence":
        """Return the one that shows less."""
        order = list(Evidence)
        return max(self, other, key=order.index)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One listed object: its full key and its size in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, or the mark that hides the older ones; the version is empty where none are kept."""

    key: str
    version: str


class LockProof(StrEnum):
    """Whether the store keeps locked objects from being removed."""

    OFF = "off"
    ENFORCED = "enforced"
    IGNORED = "ignored"
    """The store took the lock and let the object be removed all the same."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a probe found the store to do."""

    create_if_absent: bool
    evidence: Evidence
    versioned: bool = False
    lock: LockProof = LockProof.OFF


class Store(Protocol):
    """Whole objects in one region.

    Keys are relative, `/`-separated, made of `[A-Za-z0-9._/-]`, without empty, `.` or `..` segments, and none is the
    folder of another. A reader never sees half an object. Every method may raise StoreUnavailableError (retry helps),
    StoreDeniedError and InvalidKeyError.
    """

    region: str

    def put(self, key: str, body: Body, *, sha256: bytes) -> Evidence | None:
        """Write or replace an object durably; return the evidence that writing gave, None where `confirm` is to ask.

        Raises ChecksumMismatchError if body does not hash to sha256, and StoreFullError.
        """

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        """Write an object unless the key is taken, atomic among all writers; raises ObjectExistsError, or as put."""

    def get(self, key: str) -> bytes:
        """Return the whole object; raises ObjectNotFoundError."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return up to length bytes from start (fewer at the end); a negative start counts from the end."""

    def find(self, key: str) -> ObjectInfo | None:
        """Return the object's size, or None where there is no such object."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with prefix, in key order."""

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """Yield every version of every object whose key starts with prefix, also what `list` does not show any more."""

    def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is not an error."""

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        """Show that the store holds exactly these bytes, without downloading them where it can.

        Raises ObjectNotFoundError or ChecksumMismatchError.
        """

    def attest(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        """Show as much as the store can without any byte of the object being read; raises as confirm."""

    def probe(self) -> Capabilities:
        """Find out, with a canary object that is removed again, what the store does; raises UnsafeStoreError."""


Place = Callable[[str], Evidence]
"""Gives an object that was written its key; raises as `put`."""


class ReadingStore(Store, Protocol):
    """A store that can read an object back before it gets its key."""

    def written(self, body: memoryview) -> AbstractContextManager[Place]:
        """Write an object durably and read it back into the memory that it came from; raises as `put`.

        Whoever looks at it there sees what the store holds. Unless it is placed within the block, nothing is stored.
        """


def is_reading_back(store: Store) -> TypeGuard[ReadingStore]:
    """Say whether a store is of that kind."""
    return hasattr(store, "written")
