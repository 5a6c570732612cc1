"""What each region says it holds, by listing and by its commit records: the start of rebuilding and of repairing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from strongroom.errors import StrongroomError
from strongroom.ids import parse_id
from strongroom.repository.access import Repository
from strongroom.repository.commit import CommitRecord, find_commit
from strongroom.repository.head import ManifestHead
from strongroom.repository.layout import COMMITS, KEYS, MANIFESTS, PACKS, backup_slots, manifest_key, pack_key
from strongroom.repository.retiring import list_tombstones
from strongroom.storage.store import Store

Name = tuple[str, UUID]
"""Source and id of a backup."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something in a region that could not be read, and why."""

    region: str
    what: str
    code: str
    message: str

    @classmethod
    def of(cls, region: str, what: str, error: StrongroomError) -> "Unreadable":
        """Put an error into words for a report."""
        return cls(region, what, error.code, error.what)


@dataclass(slots=True)
class Inventory:
    """One region: sizes of packs, manifests and slots by key, the commit records that could be read, and the rest."""

    region: str
    sizes: dict[str, int] = field(default_factory=dict)
    records: dict[Name, CommitRecord] = field(default_factory=dict)
    retired: set[UUID] = field(default_factory=set)
    unreadable: list[Unreadable] = field(default_factory=list)

    def mentions(self, record: CommitRecord) -> bool:
        """Say whether the region has anything that was written when the backup was, or copied, to its end."""
        key = manifest_key(record.source, record.backup_id, record.session_id)
        return key in self.sizes or (record.source, record.backup_id) in self.records

    def holds(self, record: CommitRecord, head: ManifestHead) -> bool:
        """Say whether everything a backup needs is listed with the size it must have."""
        manifest = manifest_key(record.source, record.backup_id, record.session_id)
        wanted = {manifest: record.manifest_size} | {pack_key(p.session_id, p.sha256): p.size for p in head.packs}
        slots = f"{backup_slots(record.backup_id, record.session_id)}{self.region}."
        return (
            (record.source, record.backup_id) in self.records
            and wanted.items() <= self.sizes.items()
            and any(key.startswith(slots) for key in self.sizes)
        )


def take_inventory(repository: Repository, store: Store) -> Inventory:
    """List a region; what cannot be read is in the answer, a region that does not answer raises."""
    found = Inventory(store.region)
    for prefix in (PACKS, MANIFESTS, KEYS):
        found.sizes.update((info.key, info.size) for info in store.list(prefix))
    for info in list(store.list(COMMITS)):
        _read_record(repository, store, info.key, found)
    try:
        found.retired.update(tombstone.backup_id for tombstone in list_tombstones(repository, store))
    except StrongroomError as error:
        if error.retryable:
            raise
        found.unreadable.append(Unreadable.of(store.region, "a tombstone", error))
    return found


def conflicting(records: Iterable[CommitRecord]) -> bool:
    """Say whether regions contradict each other about what became of a backup."""
    return len({(record.outcome, record.session_id, record.manifest_sha256) for record in records}) > 1


def _read_record(repository: Repository, store: Store, key: str, found: Inventory) -> None:
    source, _, name = key.removeprefix(COMMITS).rpartition("/")
    try:
        record = find_commit(repository, store, source, parse_id(name, "backup"))
    except StrongroomError as error:
        if error.retryable:
            raise
        found.unreadable.append(Unreadable.of(store.region, key, error))
        return
    if record is not None:
        found.records[source, record.backup_id] = record
