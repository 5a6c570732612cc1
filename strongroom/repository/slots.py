"""Key slots: a data key wrapped under one region's KEK, as a signed record of its own.

Payload: region, provider, KEK version, wrapped key (base64), and the context the KEK authenticates. Every region stores
the slots of all regions; they are ciphertext. Deleting all slots of a backup makes it unreadable for ever.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from strongroom.keyring.errors import KeyVersionNotFoundError
from strongroom.keyring.errors import WrongKeyError as SlotRefusedError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.repository.errors import TamperedError, WrongKeyError
from strongroom.repository.layout import slot_key
from strongroom.repository.objects import get_object
from strongroom.repository.records import RecordType, sign_record
from strongroom.storage.store import Store


class KeySlot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wrapped key and what authenticates it; a recovery key's slot of the root secret also names its public half."""

    region: str
    provider: str
    version: str
    wrapped: bytes
    context: dict[str, str]
    recipient: bytes | None = None

    def unwrap(self, kek: KekProvider) -> SecretKey:
        """Open the slot; raises the keyring's errors."""
        return kek.unwrap(WrappedKey(self.provider, self.version, self.wrapped), self.context)


@dataclass(frozen=True, slots=True)
class StoredSlot:
    """A slot as a region holds it."""

    key: str
    raw: bytes
    slot: KeySlot


def root_context(repo_id: UUID) -> dict[str, str]:
    """Return the KEK context of the root secret."""
    return {"purpose": "root", "repo": str(repo_id)}


def backup_context(repo_id: UUID, backup: Mapping[str, str]) -> dict[str, str]:
    """Return the KEK context of a backup's data key; backup holds source, backup, session and policy."""
    return {"purpose": "backup", "repo": str(repo_id), **backup}


def seal_slot(signer: Ed25519PrivateKey, region: str, wrapped: WrappedKey, context: dict[str, str]) -> bytes:
    """Return a key slot as a signed record."""
    slot = KeySlot(region, wrapped.provider, wrapped.version, wrapped.ciphertext, context)
    return sign_record(signer, RecordType.KEY_SLOT, slot)


def read_slots(store: Store, prefix: str, parse: Callable[[bytes], KeySlot], *, only: str = "") -> Iterator[StoredSlot]:
    """Read the slots under a prefix, one by one, those of the store's own region first; or `only` those of one region.

    Raises TamperedError for a slot that lies under the name of another, and what parse raises.
    """
    own = f"{prefix}{store.region}."
    listed = store.list(f"{prefix}{only}." if only else prefix)
    keys = sorted((info.key for info in listed), key=lambda key: (not key.startswith(own), key))
    for key in keys:
        raw = get_object(store, key)
        slot = parse(raw)
        if key != slot_key(prefix, slot.region, slot.version):
            raise TamperedError(f"The key slot {key!r} is that of another region or key version.", key=key)
        yield StoredSlot(key, raw, slot)


def open_first(slots: Iterable[StoredSlot], kek: KekProvider, what: str) -> tuple[StoredSlot, SecretKey]:
    """Open the first slot that this KEK opens; raises WrongKeyError where none does."""
    tried = 0
    for stored in slots:
        tried += 1
        if stored.slot.provider != kek.name:
            continue
        try:
            return stored, stored.slot.unwrap(kek)
        except (SlotRefusedError, KeyVersionNotFoundError):
            continue
    raise WrongKeyError(
        f"None of the {tried} key slots of {what} opens with the key at hand.",
        next_step="Use the key file or KMS key it was made with; a backup without any key slot has been shredded.",
    )
