"""The last steps before the commit: manifest, key slots, and reading all of it back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from strongroom.errors import UnavailableError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from strongroom.repository.access import Repository
from strongroom.repository.errors import TamperedError
from strongroom.repository.head import ManifestHead
from strongroom.repository.layout import backup_slots, manifest_key, slot_key
from strongroom.repository.manifest import open_manifest, seal_manifest
from strongroom.repository.objects import get_object, put_object
from strongroom.repository.records import RecordType
from strongroom.repository.slots import KeySlot, backup_context
from strongroom.storage.store import Store

_TRY_AGAIN = "Run the backup again; if it happens again, verify the region and test the memory of this machine."


@dataclass(frozen=True, slots=True)
class SealedManifest:
    """A manifest that was stored and read back, and the KEK version of every key slot that was written."""

    sha256: bytes
    size: int
    key_versions: dict[str, str] = field(default_factory=dict)


def seal_backup(
    repository: Repository, store: Store, keks: Mapping[str, KekProvider], head: ManifestHead
) -> SealedManifest:
    """Store manifest and key slots, home region's first, then read them back, decrypt and compare.

    The home region (the first) must wrap the data key; another whose KEK does not answer goes without a slot.
    """
    context = slot_context(head)
    home = next(iter(keks))
    data_key, wrapped = keks[home].generate(context)
    manifest = seal_manifest(repository, data_key, head)
    put_object(store, manifest_key(head.source, head.backup_id, head.session_id), manifest)
    wrapped_keys = {home: wrapped, **_wrap_elsewhere(keks, home, data_key, context)}
    for region, key in wrapped_keys.items():
        put_object(store, _key_of_slot(head, region, key), repository.seal_slot(region, key, context))
    _read_back(repository, store, keks, head, wrapped_keys)
    versions = {region: key.version for region, key in wrapped_keys.items()}
    return SealedManifest(hashlib.sha256(manifest).digest(), len(manifest), versions)


def slot_context(head: ManifestHead) -> dict[str, str]:
    """Return the KEK context of a backup's data key."""
    return backup_context(
        head.repo,
        {
            "source": head.source,
            "backup": str(head.backup_id),
            "session": str(head.session_id),
            "policy": head.policy,
        },
    )


def _key_of_slot(head: ManifestHead, region: str, wrapped: WrappedKey) -> str:
    return slot_key(backup_slots(head.backup_id, head.session_id), region, wrapped.version)


def _wrap_elsewhere(
    keks: Mapping[str, KekProvider], home: str, data_key: SecretKey, context: dict[str, str]
) -> dict[str, WrappedKey]:
    wrapped = {}
    for region, kek in keks.items():
        if region == home:
            continue
        try:
            wrapped[region] = kek.wrap(data_key, context)
        except UnavailableError:
            continue
    return wrapped


def _read_back(
    repository: Repository,
    store: Store,
    keks: Mapping[str, KekProvider],
    head: ManifestHead,
    wrapped_keys: Mapping[str, WrappedKey],
) -> None:
    raw = get_object(store, manifest_key(head.source, head.backup_id, head.session_id))
    for region, wrapped in wrapped_keys.items():
        slot = repository.verify(RecordType.KEY_SLOT, get_object(store, _key_of_slot(head, region, wrapped)), KeySlot)
        data_key = slot.unwrap(keks[region])
        if open_manifest(repository, data_key, raw, head.backup_id, head.session_id) != head:
            raise TamperedError("The stored manifest is not the one that was written.", next_step=_TRY_AGAIN)
