"""Giving one backup up before its policy does: an early deletion, which needs the name of its source."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.backup.lookup import resolve_backup, verify_committed
from strongroom.catalog.backups import Backup, BackupState, Medium
from strongroom.catalog.retention import Expiry, ExpiryCause, lock_agreed
from strongroom.jobs.errors import RegionBusyError
from strongroom.repository.retiring import list_tombstones, retire_backup
from strongroom.retention.candidates import Block, Candidate, Reason
from strongroom.retention.engine import keep
from strongroom.retention.errors import (
    BackupHeldError,
    BackupPinnedError,
    LastProvenError,
    RetirementNotConfirmedError,
)
from strongroom.retention.expiring import Ending, Progress, carry_out, start_expiry
from strongroom.retention.gathering import gather
from strongroom.retention.planning import BY_SETTINGS, earliest_now, new_agreement, plan_sources
from strongroom.retention.terms import Terms
from strongroom.services import Services


def retire(
    services: Services, reference: str, *, confirm: str | None, by: str, reason: str = "retired by an operator"
) -> tuple[Backup, list[str]]:
    """Retire a backup, destroy its keys, and return it with the regions where that is not done; the next run goes on.

    Raises what resolve_backup raises, BackupNotCommittedError, RetirementNotConfirmedError, BackupHeldError,
    LastProvenError and BackupPinnedError.
    """
    with services.catalog.begin() as session:
        backup = resolve_backup(session, reference)
        _lock_source(services, session, backup.source)
        # A backup that chooses its parent now holds the same lock: one of the two sees the other.
        session.refresh(backup, with_for_update=True)
        if backup.state is not BackupState.RETIRED:
            verify_committed(backup)
            _verify_confirmed(backup, confirm)
            _verify_free(services, session, backup)
        if session.get(Expiry, backup.id) is None:
            start_expiry(session, services, backup, Ending(ExpiryCause.OPERATOR, reason, by))
    return backup, _destroy(services, backup.id)


def bury_retired(services: Services, region: str) -> None:
    """Write the tombstones a region lacks because it was away when a backup was retired."""
    present = {stone.backup_id for stone in list_tombstones(services.open_repository(), services.stores[region])}
    with services.catalog.read() as session:
        query = select(Backup).where(Backup.state == BackupState.RETIRED, Backup.medium == Medium.REPOSITORY)
        retired = session.scalars(query).all()
    for backup in retired:
        if backup.id not in present:
            store, repository = services.stores[region], services.open_repository()
            retire_backup(repository, store, backup.source, backup.id, reason="retired", clock=services.clock)


def _destroy(services: Services, backup_id: uuid.UUID) -> list[str]:
    progress = Progress()
    with services.catalog.read() as session:
        expiry = session.get_one(Expiry, backup_id)
    try:
        carry_out(services, expiry, progress, lambda: None)
    except RegionBusyError:
        # The decision stands; the nightly run destroys the keys when nobody writes any.
        return list(services.stores)
    return list(progress.missed)


def _lock_source(services: Services, session: Session, source: str) -> None:
    for plan in plan_sources(services, session, source=source):
        lock_agreed(session, new_agreement(services, plan, plan.wanted or Terms(0), BY_SETTINGS))


def _verify_confirmed(backup: Backup, confirm: str | None) -> None:
    if confirm != backup.source:
        raise RetirementNotConfirmedError(
            f"Backup {backup.id} of {backup.source} would be deleted for good.",
            next_step=f"If that is what you want: --confirm {backup.source}, or `confirm` over HTTP",
        )


def _verify_free(services: Services, session: Session, backup: Backup) -> None:
    now = earliest_now(services, session)
    candidates = gather(session, now, backup.source)[0].candidates
    decision = next(one for one in keep(candidates, Terms(0), now) if one.candidate.id == backup.id)
    found = decision.candidate
    if found.held:
        raise BackupHeldError(
            f"Backup {backup.id} of {backup.source} is held.", next_step="See why: strongroom holds list"
        )
    if {Reason.PROVEN, Reason.DOUBTED} & set(decision.reasons) and backup.source in services.settings.sources:
        raise LastProvenError(
            f"Backup {backup.id} is the last of {backup.source} that a drill has restored.",
            next_step=f"Prove a newer one first: strongroom drill run {backup.source}",
        )
    _verify_unblocked(backup, found)


def _verify_unblocked(backup: Backup, found: Candidate) -> None:
    if not found.blocks:
        return
    what = {
        Block.PINNED: f"A backup that builds upon {backup.id} is running.",
        Block.IN_USE: f"Backup {backup.id} is being restored, verified or drilled.",
    }
    raise BackupPinnedError(
        what.get(found.blocks[0], f"A backup of {backup.source} is not in all its regions yet."),
        next_step="Try again when that has ended; `strongroom status` calls a source protected then.",
    )
