"""Key slots for a recovery key, which is on paper: all secrets are wrapped to its public half, in every region.

The root secret's slot, `keys/repo/_recovery.<key id>`, is signed and names the public key; where it lies, every backup
gets a slot of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from strongroom.errors import UnavailableError
from strongroom.keyring.provider import KekProvider
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository
from strongroom.repository.commit import CommitRecord
from strongroom.repository.errors import MissingObjectError, TamperedError, WrongKeyError
from strongroom.repository.layout import RECOVERY, ROOT_SLOTS, backup_slots, slot_key
from strongroom.repository.objects import get_object, put_object
from strongroom.repository.opening import verify_slot
from strongroom.repository.slots import KeySlot, StoredSlot, open_first, read_slots
from strongroom.storage.store import Store

Parse = Callable[[bytes], KeySlot]


@dataclass(slots=True)
class Extended:
    """What was done to the slots of one secret: written and removed objects, and the regions that did not answer."""

    written: int = 0
    removed: int = 0
    missed: set[str] = field(default_factory=set)


def list_recipients(repository: Repository, store: Store) -> list[RecoveryKekProvider]:
    """Return the recovery keys, public halves only, that a region names; raises an integrity error."""
    slots = read_slots(store, ROOT_SLOTS, repository.verify_root_slot, only=RECOVERY)
    return [_recipient(stored) for stored in slots]


def put_recipient(repository: Repository, stores: Mapping[str, Store], recipient: RecoveryKekProvider) -> set[str]:
    """Name a recovery key in every region, the home region first, and return the regions that did not answer.

    Raises UnavailableError where the home region, the first, does not answer.
    """
    key, raw = repository.seal_recovery_slot(recipient)
    missed = set()
    for number, (region, store) in enumerate(stores.items()):
        try:
            _put(store, key, raw)
        except UnavailableError:
            if number == 0:
                raise
            missed.add(region)
    return missed


def add_recovery_slot(
    repository: Repository,
    store: Store,
    prefix: str,
    recipient: RecoveryKekProvider,
    opened: tuple[SecretKey, dict[str, str]],
) -> None:
    """Store and read back one slot below a prefix for a secret and its context."""
    secret, context = opened
    wrapped = recipient.wrap(secret, context)
    _put(store, slot_key(prefix, RECOVERY, wrapped.version), repository.seal_slot(RECOVERY, wrapped, context))


@dataclass(frozen=True, slots=True)
class Extender:
    """Gives secrets that have none a slot for each of the recovery keys; with `only`, takes away all others' slots."""

    repository: Repository
    stores: Mapping[str, Store]
    keks: Mapping[str, KekProvider]
    recipients: tuple[RecoveryKekProvider, ...]
    only: str | None

    def extend_root(self) -> Extended:
        """See to the root secret's slots; raises what reading them raises."""
        done = Extended()
        held = self._read_everywhere(ROOT_SLOTS, self.repository.verify_root_slot, done)
        slots = {stored.key: stored for found in held.values() for stored in found}
        for key in [key for key in slots if slots[key].slot.region == RECOVERY]:
            self._spread(held, key, slots[key].raw, done)
        self._remove_others(held, done)
        return done

    def extend_backup(self, record: CommitRecord) -> Extended:
        """See to the data key's slots of a committed backup; raises WrongKeyError where no KEK opens it."""
        done = Extended()
        prefix = backup_slots(record.backup_id, record.session_id)
        held = self._read_everywhere(prefix, lambda raw: verify_slot(self.repository, record, raw), done)
        slots = {stored.key: stored for found in held.values() for stored in found}
        if not slots:
            raise MissingObjectError(f"No region holds a key slot of backup {record.backup_id}.")
        for recipient in self.recipients:
            key = slot_key(prefix, RECOVERY, recipient.current_version())
            self._spread(held, key, slots[key].raw if key in slots else self._make(held, recipient), done)
        self._remove_others(held, done)
        return done

    def _read_everywhere(self, prefix: str, parse: Parse, done: Extended) -> dict[str, list[StoredSlot]]:
        held = {}
        for region, store in self.stores.items():
            try:
                found = list(read_slots(store, prefix, parse))
            except UnavailableError:
                done.missed.add(region)
                continue
            if found:
                held[region] = found
        return held

    def _make(self, held: Mapping[str, list[StoredSlot]], recipient: RecoveryKekProvider) -> bytes:
        refused: WrongKeyError | UnavailableError | None = None
        slots = [stored for found in held.values() for stored in found]
        for region, kek in self.keks.items():
            try:
                opened, secret = open_first([s for s in slots if s.slot.region == region], kek, "a backup")
            except (WrongKeyError, UnavailableError) as error:
                refused = error
                continue
            context = opened.slot.context
            return self.repository.seal_slot(RECOVERY, recipient.wrap(secret, context), context)
        raise refused or WrongKeyError("There is no key to open a backup with.", next_step="Configure a region.")

    def _spread(self, held: Mapping[str, list[StoredSlot]], key: str, raw: bytes, done: Extended) -> None:
        for region, found in held.items():
            if key not in {stored.key for stored in found}:
                _put(self.stores[region], key, raw)
                done.written += 1

    def _remove_others(self, held: Mapping[str, list[StoredSlot]], done: Extended) -> None:
        if self.only is None:
            return
        for region, found in held.items():
            for stored in found:
                if stored.slot.region == RECOVERY and stored.slot.version != self.only:
                    self.stores[region].delete(stored.key)
                    done.removed += 1


def _recipient(stored: StoredSlot) -> RecoveryKekProvider:
    recipient = RecoveryKekProvider(stored.slot.recipient or b"")
    if stored.slot.recipient is None or recipient.current_version() != stored.slot.version:
        raise TamperedError("The key slot of a recovery key does not name that key.", key=stored.key)
    return recipient


def _put(store: Store, key: str, raw: bytes) -> None:
    put_object(store, key, raw)
    if get_object(store, key) != raw:
        raise TamperedError(f"The key slot {key!r} is not what was written.", key=key)
