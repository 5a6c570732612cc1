"""Whole-object reads and writes with the repository's own errors."""

import hashlib
from datetime import datetime

from strongroom.repository.errors import MissingObjectError
from strongroom.storage.errors import ObjectLockedError, ObjectNotFoundError
from strongroom.storage.store import Body, Store


def put_object(store: Store, key: str, body: Body) -> None:
    """Write or replace a small object."""
    store.put(key, body, sha256=hashlib.sha256(body).digest())


def create_object(store: Store, key: str, body: Body) -> None:
    """Write a small object unless its key is taken; raises ObjectExistsError."""
    store.create(key, body, sha256=hashlib.sha256(body).digest())


def delete_unless_locked(store: Store, key: str) -> datetime | None:
    """Remove an object, or say until when a lock keeps it; removing what is not there is not an error."""
    try:
        store.delete(key)
    except ObjectLockedError as error:
        return datetime.fromisoformat(str(error.details["until"]))
    return None


def get_object(store: Store, key: str) -> bytes:
    """Read an object that must be there; raises MissingObjectError."""
    try:
        return store.get(key)
    except ObjectNotFoundError:
        raise MissingObjectError(f"Region {store.region!r} has lost the object {key!r}.", key=key) from None


def find_object(store: Store, key: str) -> bytes | None:
    """Read an object, or return None where there is none."""
    try:
        return store.get(key)
    except ObjectNotFoundError:
        return None
