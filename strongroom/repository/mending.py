"""Adding the key slots a backup did not get when it was made: a region's key service was away, or there was no recovery
key then."""

from collections.abc import Mapping
from uuid import UUID

from strongroom.keyring.provider import KekProvider
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository
from strongroom.repository.errors import WrongKeyError
from strongroom.repository.layout import RECOVERY, backup_slots, slot_key
from strongroom.repository.objects import put_object
from strongroom.repository.opening import get_committed, verify_slot
from strongroom.repository.recovering import add_recovery_slot, list_recipients
from strongroom.repository.slots import StoredSlot, open_first, read_slots
from strongroom.storage.store import Store


def add_missing_slots(
    repository: Repository, store: Store, keks: Mapping[str, KekProvider], source: str, backup_id: UUID
) -> list[str]:
    """Give a committed backup a key slot for every region and recovery key that has none, and return those regions.

    Does nothing where all slots are there, so it can run before every copy. Raises BackupNotFoundError, WrongKeyError
    where no KEK at hand opens the backup, and KeyProviderUnavailableError.
    """
    record = get_committed(repository, store, source, backup_id)
    prefix = backup_slots(backup_id, record.session_id)
    slots = list(read_slots(store, prefix, lambda raw: verify_slot(repository, record, raw)))
    missing = [region for region in keks if region not in {stored.slot.region for stored in slots}]
    present = {stored.key for stored in slots}
    unserved = [
        recipient
        for recipient in list_recipients(repository, store)
        if slot_key(prefix, RECOVERY, recipient.current_version()) not in present
    ]
    if not missing and not unserved:
        return []
    opened, data_key = _open_with_any(slots, keks, backup_id)
    for recipient in unserved:
        add_recovery_slot(repository, store, prefix, recipient, (data_key, opened.slot.context))
    for region in missing:
        wrapped = keks[region].wrap(data_key, opened.slot.context)
        put_object(
            store,
            slot_key(prefix, region, wrapped.version),
            repository.seal_slot(region, wrapped, opened.slot.context),
        )
    return missing


def _open_with_any(
    slots: list[StoredSlot], keks: Mapping[str, KekProvider], backup_id: UUID
) -> tuple[StoredSlot, SecretKey]:
    refused: WrongKeyError | None = None
    for region, kek in keks.items():
        own = [stored for stored in slots if stored.slot.region == region]
        try:
            return open_first(own, kek, f"backup {backup_id}")
        except WrongKeyError as error:
            refused = error
    raise refused or WrongKeyError(f"There is no key to open backup {backup_id} with.", next_step="Configure a region.")
