"""The last steps before the commit: manifest, key slots, and reading all of it back."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from strongroom.errors import UnavailableError
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.repository.access import Repository
from strongroom.repository.datakey import DataKey, put_slot
from strongroom.repository.errors import TamperedError
from strongroom.repository.head import ManifestHead, PackTable
from strongroom.repository.layout import backup_slots, manifest_key, slot_key
from strongroom.repository.manifest import listed_packs, open_manifest, seal_manifest
from strongroom.repository.objects import get_object, put_object
from strongroom.repository.records import RecordType
from strongroom.repository.recovering import add_recovery_slot, list_recipients
from strongroom.repository.slots import KeySlot
from strongroom.storage.store import Store

_TRY_AGAIN = "Run the backup again; if it happens again, verify the region and test the memory of this machine."


@dataclass(frozen=True, slots=True)
class SealedManifest:
    """A manifest that was stored and read back, and the KEK version of every key slot that was written."""

    sha256: bytes
    size: int
    key_versions: dict[str, str] = field(default_factory=dict)


def seal_backup(
    repository: Repository,
    store: Store,
    keks: Mapping[str, KekProvider],
    head: ManifestHead,
    data_key: DataKey,
) -> SealedManifest:
    """Store manifest and key slots, home region's first, then read them back, decrypt and compare.

    A region other than the home region whose KEK does not answer goes without a slot. Recovery keys get theirs, which
    nobody here can open: it is compared byte for byte.
    """
    manifest = seal_manifest(repository, data_key.secret, head)
    put_object(store, manifest_key(head.source, head.backup_id, head.session_id), manifest)
    wrapped_keys = {data_key.home: data_key.wrapped, **_wrap_elsewhere(keks, data_key)}
    slots = backup_slots(head.backup_id, head.session_id)
    for region, key in wrapped_keys.items():
        put_slot(repository, store, slots, (region, key, data_key.context))
    # Asked for anew by every backup, so that a key made today counts for workers that were started before.
    for recipient in list_recipients(repository, store):
        add_recovery_slot(repository, store, slots, recipient, (data_key.secret, data_key.context))
    _read_back(repository, store, keks, head, wrapped_keys)
    versions = {region: key.version for region, key in wrapped_keys.items()}
    return SealedManifest(hashlib.sha256(manifest).digest(), len(manifest), versions)


def _wrap_elsewhere(keks: Mapping[str, KekProvider], data_key: DataKey) -> dict[str, WrappedKey]:
    wrapped = {}
    for region, kek in keks.items():
        if region == data_key.home:
            continue
        try:
            wrapped[region] = kek.wrap(data_key.secret, data_key.context)
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
    listed = dataclasses.replace(
        head, packs=listed_packs(head), tables=tuple(PackTable(table.pack, table.count) for table in head.tables)
    )
    slots = backup_slots(head.backup_id, head.session_id)
    for region, wrapped in wrapped_keys.items():
        stored = get_object(store, slot_key(slots, region, wrapped.version))
        slot = repository.verify(RecordType.KEY_SLOT, stored, KeySlot)
        data_key = slot.unwrap(keks[region])
        if open_manifest(repository, data_key, raw, head.backup_id, head.session_id) != listed:
            raise TamperedError("The stored manifest is not the one that was written.", next_step=_TRY_AGAIN)
