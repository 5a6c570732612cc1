"""The end of a backup: decided once, in the catalog, and then carried out until a receipt says that it is done.

In every region: the tombstone, so that nobody takes the backup for a live one; then every version of its key slots,
written down before the first is removed. When no region has a slot left, a signed receipt is put into all of them.
What the backup consisted of is deleted by the collection. Each step can be repeated, so a crash anywhere is resumed.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.backups import Backup, BackupState, Medium, Replica, ReplicaState
from strongroom.catalog.retention import Expiry, ExpiryCause, ExpiryRegion, ShredState, expiry_regions
from strongroom.cloud.expiring import expire
from strongroom.errors import StrongroomError
from strongroom.jobs.turns import verify_turn_to_shred
from strongroom.repository.records import RecordType
from strongroom.repository.retiring import retire_backup
from strongroom.repository.shredding import (
    MOST_NAMED,
    Receipt,
    RegionReceipt,
    destroy_slots,
    find_signed_receipt,
    list_slots,
    put_receipt,
    region_receipt,
)
from strongroom.retention.events import note
from strongroom.retention.regions import clear_faults, note_fault, note_outcome, note_slots
from strongroom.services import Services
from strongroom.storage.store import ObjectVersion


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a backup ends and who says so."""

    cause: ExpiryCause
    reason: str
    by: str


@dataclass(slots=True)
class Progress:
    """How far expiries came: those with a receipt everywhere, and per region what is still in the way."""

    finished: list[uuid.UUID] = field(default_factory=list)
    retained: dict[uuid.UUID, datetime] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)
    """Regions that could not be worked on, and why."""


def start_expiry(session: Session, services: Services, backup: Backup, ending: Ending) -> Expiry:
    """Decide, in the caller's transaction, that a backup ends; nobody restores or builds upon it from then on.

    The caller holds the backup's row and has seen that nothing is in the way.
    """
    backup.state = BackupState.RETIRED
    expiry = Expiry(
        backup_id=backup.id,
        source=backup.source,
        policy=backup.policy,
        cause=ending.cause,
        reason=ending.reason[:500],
        decided_by=ending.by[:120],
        decided_at=services.clock.now(),
    )
    session.add(expiry)
    session.flush()
    # Snapshots have no key slots: AWS deletes them whole.
    regions = services.stores if backup.medium is Medium.REPOSITORY else ()
    session.add_all(ExpiryRegion(backup_id=backup.id, region=region, state=ShredState.WANTED) for region in regions)
    note(session, services, ending.by, "expired", (backup.source, backup.id), why=expiry.reason)
    return expiry


def adopt_retired(session: Session, services: Services, by: str) -> int:
    """Begin the expiry of every backup that was retired without one, and return how many that were."""
    known = select(Expiry.backup_id)
    query = select(Backup).where(Backup.state == BackupState.RETIRED, Backup.id.not_in(known))
    query = query.where(Backup.medium == Medium.REPOSITORY)
    retired = session.scalars(query.with_for_update(of=Backup)).all()
    for backup in retired:
        start_expiry(session, services, backup, Ending(ExpiryCause.OPERATOR, "retired without a receipt", by))
    return len(retired)


def carry_out(services: Services, expiry: Expiry, progress: Progress, check: Callable[[], None]) -> None:
    """Bring one expiry as far as it comes now; `check` is called between its steps and may raise.

    Raises RegionBusyError while a job runs that may write the backup's key slots again.
    """
    with services.catalog.read() as session:
        medium = session.get_one(Backup, expiry.backup_id).medium
    if medium is Medium.SNAPSHOT:
        _delete_snapshots(services, expiry, progress)
        return
    for region in services.stores:
        check()
        try:
            _bury_and_shred(services, expiry, region, progress)
        except StrongroomError as error:
            if error.code == "jobs.region_busy":
                raise
            _blame(services, expiry, region, error, progress)
    check()
    _finish(services, expiry, progress)


def _delete_snapshots(services: Services, expiry: Expiry, progress: Progress) -> None:
    missed = expire(services, expiry.backup_id)
    progress.missed.update(missed)
    if not missed:
        _conclude(services, expiry, "snapshots deleted")
        progress.finished.append(expiry.backup_id)


def _conclude(services: Services, expiry: Expiry, what: str, **details: list[str]) -> None:
    with services.catalog.begin() as session:
        row = session.get_one(Expiry, expiry.backup_id, with_for_update=True)
        if row.finished_at is None:
            row.finished_at = services.clock.now()
            note(session, services, row.decided_by, what, (row.source, row.backup_id), **details)
            clear_faults(session, services, row)


def shred_region(services: Services, region: str, check: Callable[[], None]) -> Progress:
    """Carry out in one region what every unfinished expiry wants there, before its garbage is collected."""
    progress = Progress()
    query = select(Expiry).join(ExpiryRegion, ExpiryRegion.backup_id == Expiry.backup_id)
    with services.catalog.read() as session:
        waiting = session.scalars(
            query.where(ExpiryRegion.region == region, ExpiryRegion.state != ShredState.DONE)
        ).all()
    for expiry in waiting:
        check()
        _bury_and_shred(services, expiry, region, progress)
    return progress


def _bury_and_shred(services: Services, expiry: Expiry, region: str, progress: Progress) -> None:
    with services.catalog.read() as session:
        state = session.get(ExpiryRegion, (expiry.backup_id, region))
    if state is not None and state.state is ShredState.DONE:
        return
    store, repository = services.stores[region], services.open_repository()
    # The tombstone first: a region never holds a backup that counts and cannot be read.
    retire_backup(repository, store, expiry.source, expiry.backup_id, reason=expiry.reason, clock=services.clock)
    if state is not None and state.retained_until is not None and state.retained_until > services.clock.now():
        progress.retained[expiry.backup_id] = state.retained_until
        return
    with services.catalog.read() as session:
        verify_turn_to_shred(session)
    _shred(services, expiry, region, progress)


def _shred(services: Services, expiry: Expiry, region: str, progress: Progress) -> None:
    store = services.stores[region]
    slots = list_slots(store, expiry.backup_id)
    # Before the first is removed, so that the receipt names them whenever the process dies.
    note_slots(services, expiry, region, slots)
    retained = destroy_slots(store, expiry.backup_id)
    if retained is not None:
        progress.retained[expiry.backup_id] = retained.until
    note_outcome(services, expiry, region, None if retained is None else retained.until)


def _finish(services: Services, expiry: Expiry, progress: Progress) -> None:
    """Write the receipt once no region has a slot left, and leave it in all of them."""
    with services.catalog.read() as session:
        states = {state.region: state for state in expiry_regions(session, expiry.backup_id)}
        held = _not_reached(session, services, expiry)
    if any(region not in states or states[region].state is not ShredState.DONE for region in services.stores):
        return
    # The home region may have one already; what it has is looked at first.
    region = next(iter(services.stores))
    try:
        signed = _receipt(services, expiry, states, held)
        for region in services.stores:
            put_receipt(services.open_repository(), services.stores[region], (expiry.source, expiry.backup_id), signed)
    except StrongroomError as error:
        _blame(services, expiry, region, error, progress)
        return
    _conclude(services, expiry, "keys destroyed", regions=list(states))
    progress.finished.append(expiry.backup_id)


def _blame(services: Services, expiry: Expiry, region: str, error: StrongroomError, progress: Progress) -> None:
    progress.missed[region] = error.what
    note_fault(services, expiry, region, error)


def _receipt(services: Services, expiry: Expiry, states: dict[str, ExpiryRegion], held: tuple[str, ...]) -> bytes:
    """Return the one receipt of a backup, from a region or the catalog, else a new one, kept before it is put."""
    proposed = _stored_receipt(services, expiry) or _new_receipt(services, expiry, states, held)
    with services.catalog.begin() as session:
        row = session.get_one(Expiry, expiry.backup_id, with_for_update=True)
        if row.receipt is None:
            row.receipt = proposed.decode()
        return row.receipt.encode()


def _stored_receipt(services: Services, expiry: Expiry) -> bytes | None:
    """Return the receipt that an earlier catalog's expiry left; a record that is not ours is refused."""
    home = next(iter(services.stores.values()))
    return find_signed_receipt(services.open_repository(), home, expiry.source, expiry.backup_id)


def _new_receipt(services: Services, expiry: Expiry, states: dict[str, ExpiryRegion], held: tuple[str, ...]) -> bytes:
    repository = services.open_repository()
    most = MOST_NAMED // len(states)
    receipt = Receipt(
        repository.repo_id,
        expiry.source,
        expiry.backup_id,
        expiry.policy,
        expiry.reason,
        expiry.decided_at,
        tuple(_of_region(state, most) for state in states.values()),
        held,
    )
    return repository.sign(RecordType.RECEIPT, receipt)


def _of_region(state: ExpiryRegion, most: int) -> RegionReceipt:
    slots = [ObjectVersion(key, version) for key, version in state.slots or []]
    if state.done_at is None:
        raise AssertionError("a receipt is written when every region is done")
    return region_receipt(state.region, state.done_at, slots, most)


def _not_reached(session: Session, services: Services, expiry: Expiry) -> tuple[str, ...]:
    """Name the regions that hold the backup, says the catalog, and are not in the settings any more."""
    query = select(Replica.region).where(Replica.backup_id == expiry.backup_id, Replica.state != ReplicaState.WANTED)
    return tuple(sorted(set(session.scalars(query)) - set(services.stores)))
