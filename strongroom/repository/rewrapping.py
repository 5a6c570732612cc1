"""New key slots under a region's current KEK: nothing but slots is read or written, so a rotation costs no data.

Every slot is read back from each region and opened before the one it replaces may go.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from strongroom.errors import UnavailableError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.repository.access import Repository
from strongroom.repository.commit import CommitRecord
from strongroom.repository.errors import MissingObjectError, TamperedError
from strongroom.repository.layout import ROOT_SLOTS, backup_slots, slot_key
from strongroom.repository.objects import delete_unless_locked, get_object, put_object
from strongroom.repository.opening import verify_slot
from strongroom.repository.slots import KeySlot, StoredSlot, open_first, read_slots
from strongroom.storage.store import Store

Parse = Callable[[bytes], KeySlot]


@dataclass(slots=True)
class Rewrapped:
    """What was done to the slots of one secret: written and removed objects, and the regions that did not answer."""

    written: int = 0
    removed: int = 0
    missed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Rewrapper:
    """Moves slots of one region's KEK to its current version, in every region's store."""

    repository: Repository
    stores: Mapping[str, Store]
    region: str
    kek: KekProvider

    def rewrap_root(self, *, remove_old: bool) -> Rewrapped:
        """Move the root secret; raises WrongKeyError where the KEK opens no slot of it, or an integrity error."""
        return self._rewrap(ROOT_SLOTS, self.repository.verify_root_slot, remove_old=remove_old)

    def rewrap_backup(self, record: CommitRecord, *, remove_old: bool) -> Rewrapped:
        """Move the data key of a committed backup; raises as rewrap_root."""
        prefix = backup_slots(record.backup_id, record.session_id)
        return self._rewrap(prefix, lambda raw: verify_slot(self.repository, record, raw), remove_old=remove_old)

    def _rewrap(self, prefix: str, parse: Parse, *, remove_old: bool) -> Rewrapped:
        done = Rewrapped()
        held = self._read_everywhere(prefix, parse, done)
        slots = {stored.key: stored for found in held.values() for stored in found}
        if not slots:
            raise MissingObjectError(f"No region holds a key slot of {self.region!r} under {prefix!r}.")
        new = self._current(prefix, slots, parse)
        for region, found in held.items():
            if self._settle(self.stores[region], new, found, parse):
                done.written += 1
            if remove_old:
                done.removed += _remove(self.stores[region], new, found)
        return done

    def _read_everywhere(self, prefix: str, parse: Parse, done: Rewrapped) -> dict[str, list[StoredSlot]]:
        """Return the slots of this KEK by the region that holds them; one that holds none has no copy yet."""
        held = {}
        for name, store in self.stores.items():
            try:
                found = [s for s in read_slots(store, prefix, parse) if s.slot.region == self.region]
            except UnavailableError:
                done.missed.add(name)
                continue
            if found:
                held[name] = found
        return held

    def _current(self, prefix: str, slots: Mapping[str, StoredSlot], parse: Parse) -> StoredSlot:
        """Return the slot of the current version, made now where there is none."""
        version = self.kek.current_version()
        key = slot_key(prefix, self.region, version)
        if key in slots:
            return slots[key]
        old, _ = open_first(slots.values(), self.kek, prefix)
        wrapped = self.kek.rewrap(WrappedKey(old.slot.provider, old.slot.version, old.slot.wrapped), old.slot.context)
        raw = self.repository.seal_slot(self.region, wrapped, old.slot.context)
        return StoredSlot(slot_key(prefix, self.region, wrapped.version), raw, parse(raw))

    def _settle(self, store: Store, new: StoredSlot, found: list[StoredSlot], parse: Parse) -> bool:
        """Store the slot where it is missing, read it back and compare what it opens to; say whether it was written."""
        missing = new.key not in {stored.key for stored in found}
        if missing:
            put_object(store, new.key, new.raw)
        secret = parse(get_object(store, new.key)).unwrap(self.kek)
        olds = [stored for stored in found if stored.key != new.key]
        if any(stored.slot.unwrap(self.kek).reveal() != secret.reveal() for stored in olds):
            raise TamperedError(f"The new key slot {new.key!r} opens to another key than the old one.", key=new.key)
        return missing


def _remove(store: Store, new: StoredSlot, found: list[StoredSlot]) -> int:
    old = [stored.key for stored in found if stored.key != new.key]
    # What a lock keeps stays until the rotation after its day.
    return [delete_unless_locked(store, key) for key in old].count(None)
