"""Shredding: without its key slots a backup's manifest, and every pack that it alone refers to, is unreadable for ever.

What goes is every version of every slot, in one region after the other, whichever attempt wrote it and whichever key
opens it. What went is written into a receipt: a signed record at a key of its own, the same bytes in every region.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from strongroom.repository.access import Repository
from strongroom.repository.errors import TamperedError, TruncatedError
from strongroom.repository.layout import all_slots, receipt_key
from strongroom.repository.objects import create_object, delete_unless_locked, find_object
from strongroom.repository.records import RecordType
from strongroom.storage.errors import ObjectExistsError
from strongroom.storage.store import ObjectVersion, Store

MOST_NAMED = 240
"""Key slots that a receipt names, in all regions together; a record has its limits, and the count says all."""


class DestroyedSlot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of one key slot that was removed; the version is empty where the store keeps none."""

    key: str
    version: str = ""


class RegionReceipt(msgspec.Struct, frozen=True):
    """What one region held of a backup's keys, and when the last of it was seen to be gone."""

    region: str
    destroyed_at: datetime
    count: int
    slots: tuple[DestroyedSlot, ...]


class Receipt(msgspec.Struct, frozen=True):
    """A backup whose keys were destroyed: which one, why, and what was removed where."""

    repo: UUID
    source: str
    backup_id: UUID
    policy: str
    reason: str
    expired_at: datetime
    regions: tuple[RegionReceipt, ...]
    not_reached: tuple[str, ...] = ()
    """Regions that hold the backup and were not in the settings any more: their slots were left alone."""


@dataclass(frozen=True, slots=True)
class Retained:
    """A region that keeps some of the slots under a lock; the latest of their moments."""

    until: datetime


def list_slots(store: Store, backup_id: UUID) -> list[ObjectVersion]:
    """Return every version of every key slot that a region holds of a backup, also what nobody sees any more."""
    return list(store.versions(all_slots(backup_id)))


def destroy_slots(store: Store, backup_id: UUID) -> Retained | None:
    """Remove every version of every key slot of a backup; says until when a region keeps what it does not give up.

    A second call changes nothing. Raises TamperedError where slots are there again afterwards, and the store's errors.
    """
    keys = dict.fromkeys(slot.key for slot in list_slots(store, backup_id))
    retained = [delete_unless_locked(store, key) for key in keys]
    locked = [until for until in retained if until is not None]
    if locked:
        return Retained(max(locked))
    left = list_slots(store, backup_id)
    if left:
        raise TamperedError(
            f"Region {store.region!r} has {len(left)} key slots of backup {backup_id} again after they were removed.",
            key=left[0].key,
        )
    return None


def region_receipt(region: str, destroyed_at: datetime, slots: Sequence[ObjectVersion], most: int) -> RegionReceipt:
    """Put what a region held into words, naming the first so many of them."""
    named = tuple(DestroyedSlot(slot.key, slot.version) for slot in slots[:most])
    return RegionReceipt(region, destroyed_at, len(slots), named)


def put_receipt(repository: Repository, store: Store, backup: tuple[str, UUID], signed: bytes) -> None:
    """Leave the receipt of a backup (its source and id) in a region; the first one stays, if it is one.

    Raises TamperedError or UnknownVersionError where something else lies in its place.
    """
    try:
        create_object(store, receipt_key(*backup), signed)
    except ObjectExistsError:
        find_signed_receipt(repository, store, *backup)


def find_receipt(repository: Repository, store: Store, source: str, backup_id: UUID) -> Receipt | None:
    """Return the receipt of a backup, if its keys were destroyed; raises TamperedError or UnknownVersionError."""
    raw = find_signed_receipt(repository, store, source, backup_id)
    return None if raw is None else read_receipt(repository, raw, source, backup_id)


def find_signed_receipt(repository: Repository, store: Store, source: str, backup_id: UUID) -> bytes | None:
    """Return the bytes of a backup's receipt, checked; raises TamperedError or UnknownVersionError."""
    key = receipt_key(source, backup_id)
    raw = find_object(store, key)
    if raw is not None:
        try:
            read_receipt(repository, raw, source, backup_id)
        except (TamperedError, TruncatedError) as error:
            raise TamperedError(
                f"What region {store.region!r} holds at {key} is no receipt of ours.", key=key
            ) from error
    return raw


def read_receipt(repository: Repository, raw: bytes, source: str, backup_id: UUID) -> Receipt:
    """Check and parse a receipt; raises TamperedError, TruncatedError or UnknownVersionError."""
    receipt = repository.verify(RecordType.RECEIPT, raw, Receipt)
    if (receipt.repo, receipt.source, receipt.backup_id) != (repository.repo_id, source, backup_id):
        raise TamperedError(f"The receipt of backup {backup_id} belongs to another backup.")
    return receipt
