"""Moving one object from a region to another and having the target show that it holds the same bytes."""

import contextlib
import hashlib

from strongroom.errors import IntegrityError
from strongroom.repository.replica import ObjectRef
from strongroom.storage.copying import copy_inside_provider
from strongroom.storage.errors import ChecksumMismatchError, ObjectExistsError, ObjectNotFoundError
from strongroom.storage.store import Evidence, Store


def transfer(source: Store, target: Store, ref: ObjectRef, *, once: bool) -> tuple[Evidence, int]:
    """Make the target hold the object; return its evidence and the bytes that had to be sent.

    What is already there with the right checksum is not sent again, and where one provider has both regions it copies
    by itself. With `once`, the object is created and never
    replaced: that is how a commit record stays the only one. Raises ChecksumMismatchError.
    """
    evidence = _standing(target, ref, once=once)
    if evidence is not None:
        return evidence, 0
    if not once and copy_inside_provider(source, target, ref.key, ref.size):
        return _confirm_copied(source, target, ref), 0
    body = source.get(ref.key)
    if hashlib.sha256(body).digest() != ref.sha256:
        raise _damaged(source, ref)
    if once:
        _create(target, ref, body)
        evidence = None
    else:
        evidence = target.put(ref.key, body, sha256=ref.sha256)
    return evidence or target.confirm(ref.key, size=ref.size, sha256=ref.sha256), ref.size


def _confirm_copied(source: Store, target: Store, ref: ObjectRef) -> Evidence:
    try:
        return target.confirm(ref.key, size=ref.size, sha256=ref.sha256)
    except ChecksumMismatchError as error:
        # What was copied was damaged before; it must not pass for a copy.
        target.delete(ref.key)
        raise _damaged(source, ref) from error


def _damaged(source: Store, ref: ObjectRef) -> ChecksumMismatchError:
    return ChecksumMismatchError(
        f"Region {source.region} holds other bytes than were written under {ref.key}.",
        next_step=f"Verify that region: strongroom backup verify BACKUP --region {source.region}",
    )


def _create(target: Store, ref: ObjectRef, body: bytes) -> None:
    # Whoever made it first may have made the same object; the confirmation that follows tells.
    with contextlib.suppress(ObjectExistsError):
        target.create(ref.key, body, sha256=ref.sha256)


def _standing(target: Store, ref: ObjectRef, *, once: bool) -> Evidence | None:
    try:
        return target.confirm(ref.key, size=ref.size, sha256=ref.sha256)
    except ObjectNotFoundError:
        return None
    except IntegrityError:
        if once:
            raise
        return None
