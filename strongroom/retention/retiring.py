"""Retiring a backup: the catalog says so first, then a tombstone in every region; collection deletes what is left."""

import uuid

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from strongroom.backup.lookup import resolve_backup, verify_committed
from strongroom.catalog.backups import Backup, BackupState, Medium, Replica, ReplicaState
from strongroom.errors import UnavailableError
from strongroom.repository.retiring import list_tombstones, retire_backup
from strongroom.retention.errors import BackupPinnedError, RetirementNotConfirmedError
from strongroom.services import Services


def retire(services: Services, reference: str, *, confirm: str | None) -> tuple[Backup, list[str]]:
    """Retire a backup and return it with the regions that did not take the tombstone; their next collection writes it.

    Raises what resolve_backup raises, BackupNotCommittedError, RetirementNotConfirmedError and BackupPinnedError.
    """
    with services.catalog.begin() as session:
        backup = resolve_backup(session, reference)
        # A backup that chooses its parent now holds the same lock: one of the two sees the other.
        session.refresh(backup, with_for_update=True)
        if backup.state is not BackupState.RETIRED:
            verify_committed(backup)
            _verify_confirmed(backup, confirm)
            _verify_unpinned(session, backup)
            backup.state = BackupState.RETIRED
    return backup, [region for region in services.stores if not _bury(services, region, [backup])]


def bury_retired(services: Services, region: str) -> None:
    """Write the tombstones a region lacks because it was away when a backup was retired."""
    present = {stone.backup_id for stone in list_tombstones(services.open_repository(), services.stores[region])}
    with services.catalog.read() as session:
        query = select(Backup).where(Backup.state == BackupState.RETIRED, Backup.medium == Medium.REPOSITORY)
        retired = session.scalars(query).all()
    _put_tombstones(services, region, [backup for backup in retired if backup.id not in present])


def _bury(services: Services, region: str, backups: list[Backup]) -> bool:
    try:
        _put_tombstones(services, region, backups)
    except UnavailableError:
        return False
    return True


def _put_tombstones(services: Services, region: str, backups: list[Backup]) -> None:
    for backup in backups:
        retire_backup(
            services.open_repository(),
            services.stores[region],
            backup.source,
            backup.id,
            reason="retired by an operator",
            clock=services.clock,
        )


def _verify_confirmed(backup: Backup, confirm: str | None) -> None:
    if confirm != backup.source:
        raise RetirementNotConfirmedError(
            f"Backup {backup.id} of {backup.source} would be deleted for good.",
            next_step=f"If that is what you want: --confirm {backup.source}",
        )


def _verify_unpinned(session: Session, backup: Backup) -> None:
    if session.scalar(select(exists().where(Backup.parent_id == backup.id, Backup.state == BackupState.RUNNING))):
        raise BackupPinnedError(
            f"A backup that builds upon {backup.id} is running.", next_step="Try again when it has ended."
        )
    # A copy of a child brings the packs it shares with this backup into regions where nothing else would keep them.
    late = _late_copy(session, backup)
    if late is not None:
        raise BackupPinnedError(
            f"Backup {late} of {backup.source} is not in all its regions yet.",
            next_step="Try again when `strongroom status` calls the source protected.",
        )


def _late_copy(session: Session, retiring: Backup) -> uuid.UUID | None:
    query = (
        select(Backup.id)
        .join(Replica, Replica.backup_id == Backup.id)
        .where(Backup.source == retiring.source, Backup.state == BackupState.COMMITTED)
        .where(Replica.state != ReplicaState.PRESENT)
    )
    held = exists().where(Replica.backup_id == retiring.id, Replica.state == ReplicaState.PRESENT)
    if not session.scalar(select(held)):
        # No copy of it will ever be made; it could not be got rid of, nor any other of its source.
        query = query.where(Backup.id != retiring.id)
    return session.scalar(query.limit(1))
