"""Locks against removal, in regions that have them."""

from datetime import datetime
from typing import Protocol, runtime_checkable

from strongroom.storage.store import LockProof, Store


@runtime_checkable
class LockingStore(Protocol):
    """A store that can keep an object from being removed until a moment; False where its settings ask for none."""

    def lock(self, key: str, until: datetime) -> bool:
        """Lock an object until then, or for longer where it is already."""

    def prove_lock(self) -> LockProof:
        """Find out whether locked objects are kept."""


def lock_object(store: Store, key: str, until: datetime) -> bool:
    """Lock an object until then; False, and nothing done, where the region has no locks."""
    return isinstance(store, LockingStore) and store.lock(key, until)


def prove_locks(store: Store) -> LockProof:
    """Try on a canary whether the region keeps locked objects; OFF where it has no locks."""
    return store.prove_lock() if isinstance(store, LockingStore) else LockProof.OFF
