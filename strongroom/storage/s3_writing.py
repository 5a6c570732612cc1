"""How objects are written into a bucket: storage class, encryption by the store, and locks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

PROBE_PREFIX = "probe/"
"""Canaries lie here."""

UNLOCKED = (PROBE_PREFIX, "k/")
"""What is made to be removed again, canaries and checkpoints, is never locked."""

SLOTS = "keys/"
"""Where key slots lie."""

LARGE_BYTES = 128 * 1024
"""Classes for rare reading bill an object as if it had at least this size."""


class LockMode(StrEnum):
    """Who may remove a locked object before its time: whoever has a permission of its own, or nobody."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """For how long an object cannot be removed or replaced, counted from when it is written."""

    mode: LockMode
    days: int

    def fields(self, mode: LockMode, now: datetime) -> dict[str, Any]:
        """Return what PutObject is told."""
        return {"ObjectLockMode": mode.value, "ObjectLockRetainUntilDate": now + timedelta(days=self.days)}


@dataclass(frozen=True, slots=True)
class S3Writing:
    """What every write into a bucket carries besides the bytes."""

    storage_class: str | None = None
    encryption: str | None = None
    encryption_key: str | None = None
    lock: ObjectLock | None = None

    def fields(self, key: str, size: int, now: datetime) -> Mapping[str, Any]:
        """Return the fields of PutObject and CopyObject for one object."""
        fields: dict[str, Any] = {}
        if self.storage_class is not None and size >= LARGE_BYTES:
            fields["StorageClass"] = self.storage_class
        if self.encryption is not None:
            fields["ServerSideEncryption"] = self.encryption
        if self.encryption_key is not None:
            fields["SSEKMSKeyId"] = self.encryption_key
        mode = self.lock_mode(key)
        if self.lock is not None and mode is not None:
            fields |= self.lock.fields(mode, now)
        return fields

    def lock_mode(self, key: str) -> LockMode | None:
        """Return in which mode an object is locked, None for what is not.

        Key slots are locked in governance mode at the strongest: a backup that must go before its time can be made
        unreadable by whoever has the permission for that.
        """
        if self.lock is None or key.startswith(UNLOCKED):
            return None
        return LockMode.GOVERNANCE if key.startswith(SLOTS) else self.lock.mode


PLAIN = S3Writing()
"""As the bucket's own defaults have it."""
