"""Rebuilding the catalog's knowledge of backups from the regions, and from the tags of snapshots in AWS: what is
missing is adopted, what has a tombstone is retired, nothing is removed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from strongroom.backup.recording import Committed, apply_commit
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import Backup, BackupKind, BackupState, Replica, ReplicaState
from strongroom.cloud.adopting import adopt_snapshots
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.repository.commit import CommitRecord, Outcome
from strongroom.repository.head import ManifestHead
from strongroom.repository.opening import open_committed
from strongroom.services import Services
from strongroom.upkeep.errors import OutcomesConflictError
from strongroom.upkeep.inventory import Inventory, Name, Unreadable, conflicting, take_inventory


@dataclass(slots=True)
class RebuildReport:
    """What a rebuild did: backups adopted, those the catalog knew, those retired, and what could not be read."""

    adopted: int = 0
    known: int = 0
    retired: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Say whether every region was read whole."""
        return not self.unreadable


OnAdopted = Callable[[Session, str], None]
"""Called with the name of the source in the transaction that adopts a backup, before anybody else sees it."""


def rebuild(services: Services, *, on_adopted: OnAdopted, on_progress: Callable[[int, int], None]) -> RebuildReport:
    """Adopt every committed backup that any region, or AWS, holds; `on_progress` gets (done, total) backups of regions.

    Can be repeated, and run beside everything else. Raises what opening the repository raises.
    """
    report = RebuildReport()
    inventories = list(_inventories(services, report))
    names = _in_order_of_commit(inventories)
    for done, name in enumerate(names, start=1):
        _adopt(services, inventories, name, report, on_adopted)
        on_progress(done, len(names))
    _adopt_snapshots(services, report, on_adopted)
    return report


def _adopt_snapshots(services: Services, report: RebuildReport, on_adopted: OnAdopted) -> None:
    found = adopt_snapshots(services, on_adopted)
    report.adopted += found.adopted
    report.known += found.known
    report.retired += found.retired
    report.unreadable.extend(Unreadable.of(*fault) for fault in found.faults)


def _inventories(services: Services, report: RebuildReport) -> Iterator[Inventory]:
    repository = services.open_repository()
    for region, store in services.stores.items():
        try:
            inventory = take_inventory(repository, store)
        except UnavailableError as error:
            report.unreadable.append(Unreadable.of(region, "the region", error))
            continue
        report.unreadable.extend(inventory.unreadable)
        yield inventory


def _in_order_of_commit(inventories: list[Inventory]) -> list[Name]:
    """Return the backups that some region calls committed, parents before their children."""
    moments = {
        name: record.committed_at
        for inventory in inventories
        for name, record in inventory.records.items()
        if record.outcome is Outcome.COMMIT
    }
    return sorted(moments, key=lambda name: (moments[name], name[1]))


def _adopt(
    services: Services, inventories: list[Inventory], name: Name, report: RebuildReport, on_adopted: OnAdopted
) -> None:
    backup_id = name[1]
    if any(backup_id in inventory.retired for inventory in inventories):
        report.retired += 1
        _retire(services, inventories, name)
        return
    if _is_known(services, backup_id):
        report.known += 1
        return
    try:
        record = _agreed(inventories, name)
        head = _open_anywhere(services, inventories, record)
    except StrongroomError as error:
        report.unreadable.append(Unreadable.of("all", f"backup {backup_id} of {name[0]}", error))
        return
    with services.catalog.begin() as session:
        _write(services, session, record, head)
        _write_replicas(services, session, inventories, record, head)
        on_adopted(session, name[0])
    report.adopted += 1


def _retire(services: Services, inventories: list[Inventory], name: Name) -> None:
    """Have the catalog know of a tombstone; the next run of retention takes it to the other regions."""
    with services.catalog.begin() as session:
        backup = session.get(Backup, name[1], with_for_update=True)
        if backup is not None and backup.state is BackupState.COMMITTED:
            backup.state = BackupState.RETIRED
    if backup is None:
        _adopt_retired(services, inventories, name)


def _adopt_retired(services: Services, inventories: list[Inventory], name: Name) -> None:
    """Write down a backup that was retired and that some region still has the keys of, so that they are destroyed."""
    try:
        record = _agreed(inventories, name)
        head = _open_anywhere(services, inventories, record)
    except StrongroomError:
        # Nobody can read it any more, or not now; what it consists of goes with the collection.
        return
    with services.catalog.begin() as session:
        _write(services, session, record, head)
        _write_replicas(services, session, inventories, record, head)
        session.get_one(Backup, record.backup_id).state = BackupState.RETIRED


def _is_known(services: Services, backup_id: UUID) -> bool:
    with services.catalog.read() as session:
        backup = session.get(Backup, backup_id)
        return backup is not None and backup.state in {BackupState.COMMITTED, BackupState.RETIRED}


def _agreed(inventories: list[Inventory], name: Name) -> CommitRecord:
    records = [inventory.records[name] for inventory in inventories if name in inventory.records]
    if conflicting(records):
        raise OutcomesConflictError(
            f"The regions contradict each other about backup {name[1]} of {name[0]}.",
            next_step="Somebody else writes to one of them. Compare the commit records, and decide by hand.",
        )
    return records[0]


def _open_anywhere(services: Services, inventories: list[Inventory], record: CommitRecord) -> ManifestHead:
    refused: StrongroomError | None = None
    for inventory in inventories:
        if not inventory.mentions(record):
            continue
        store, kek = services.stores[inventory.region], services.keks[inventory.region]
        try:
            return open_committed(services.open_repository(), store, kek, record)
        except StrongroomError as error:
            refused = refused or error
    raise refused or OutcomesConflictError("No region holds the backup.", next_step="Look for another copy.")


def _write(services: Services, session: Session, record: CommitRecord, head: ManifestHead) -> None:
    backup = session.get(Backup, record.backup_id)
    if backup is None:
        parent = head.parent_id if head.parent_id and session.get(Backup, head.parent_id) else None
        backup = Backup(
            id=record.backup_id,
            source=record.source,
            source_kind=head.source_kind,
            kind=BackupKind(head.kind),
            state=BackupState.RUNNING,
            parent_id=parent,
            session_id=record.session_id,
            trace_id=services.random(16).hex(),
            policy=head.policy,
            regions=_regions(services, head.policy),
            created_at=head.created_at,
        )
        session.add(backup)
        session.flush()
    apply_commit(session, head, Committed(record), services.clock.now())


def _regions(services: Services, policy: str) -> list[str]:
    """Return the regions the policy asks for; one that is not configured any more asks for all."""
    settings = services.settings
    return list(settings.regions_of(policy) if policy in settings.policies else services.stores)


def _write_replicas(
    services: Services, session: Session, inventories: list[Inventory], record: CommitRecord, head: ManifestHead
) -> None:
    """Say for each region what its listing shows; what is only wanted is confirmed or copied by the next tick."""
    session.flush()
    backup = session.get_one(Backup, record.backup_id)
    seen = {inventory.region: inventory for inventory in inventories}
    for replica in list_replicas(session, record.backup_id):
        _judge(replica, backup, seen.get(replica.region), record, head)
    states = {replica.state for replica in list_replicas(session, record.backup_id)}
    backup.protected_at = services.clock.now() if states == {ReplicaState.PRESENT} else None


def _judge(
    replica: Replica, backup: Backup, inventory: Inventory | None, record: CommitRecord, head: ManifestHead
) -> None:
    replica.evidence, replica.confirmed_at = None, None
    if inventory is None or not inventory.mentions(record):
        replica.state = ReplicaState.WANTED
    elif inventory.holds(record, head):
        replica.state = ReplicaState.PRESENT
        replica.objects, replica.bytes = backup.objects, backup.stored_bytes
    else:
        replica.state = ReplicaState.DAMAGED
