"""Finding what a request names: a backup, and a region to read it from."""

import difflib
import uuid
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from strongroom.backup.errors import (
    BackupNotCommittedError,
    NoBackupYetError,
    NoReplicaError,
    NotInRepositoryError,
    RegionWithoutReplicaError,
)
from strongroom.catalog.backup_queries import find_latest_committed, get_backup, list_replicas, list_sources
from strongroom.catalog.backups import Backup, BackupState, Medium, ReplicaState
from strongroom.errors import StrongroomError
from strongroom.ids import parse_id
from strongroom.repository.commit import find_commit
from strongroom.services import Services

LATEST = "latest:"


def resolve_backup(session: Session, reference: str) -> Backup:
    """Return the backup that an id or `latest:SOURCE` names; raises NotFoundError or InvalidInputError."""
    if not reference.startswith(LATEST):
        return get_backup(session, parse_id(reference, "backup"))
    source = reference.removeprefix(LATEST)
    backup = find_latest_committed(session, source)
    if backup is None:
        near = difflib.get_close_matches(source, list_sources(session), n=1)
        next_step = f"Did you mean {LATEST}{near[0]}?" if near else f"Make one: strongroom backup run {source}"
        raise NoBackupYetError(f"There is no committed backup of {source!r}.", next_step=next_step)
    return backup


def verify_committed(backup: Backup) -> None:
    """Check that the backup can be read; raises BackupNotCommittedError."""
    if backup.state is not BackupState.COMMITTED:
        raise BackupNotCommittedError(
            f"Backup {backup.id} is {backup.state}, not committed.",
            next_step=f"Choose another: strongroom backup list --source {backup.source}",
        )


def verify_in_repository(backup: Backup) -> None:
    """Check that the backup consists of objects that can be looked into; raises NotInRepositoryError."""
    if backup.medium is not Medium.REPOSITORY:
        raise NotInRepositoryError(
            f"Backup {backup.id} of {backup.source} is a snapshot that AWS keeps: there is nothing to look into.",
            next_step="See `strongroom backup show`; `strongroom restore run` makes a volume or database of it.",
        )


def choose_region(services: Services, backup_id: uuid.UUID, region: str | None) -> str:
    """Return the region to read from: the one asked for, else the first in order that holds the backup and answers.

    Raises UnknownRegionError, RegionWithoutReplicaError, NoReplicaError.
    """
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        verify_committed(backup)
        verify_in_repository(backup)
        source = backup.source
        present = {r.region for r in list_replicas(session, backup_id) if r.state is ReplicaState.PRESENT}
    if region is not None:
        return _chosen(services, backup_id, region, present)
    faults = {}
    for name in _in_order(services, present):
        fault = _fault_of(services, name, source, backup_id)
        if fault is None:
            return name
        faults[name] = fault
    raise _nobody_answers(backup_id, faults)


def _nobody_answers(backup_id: uuid.UUID, faults: Mapping[str, StrongroomError]) -> StrongroomError:
    """Return the first fault that waiting does not mend, such as a wrong key, else that no region answers."""
    for fault in faults.values():
        if not fault.retryable:
            return fault
    reasons = "; ".join(f"{name}: {fault.what}" for name, fault in faults.items())
    return NoReplicaError(
        f"No region that holds backup {backup_id} answers ({reasons}).",
        next_step="Mend one of them, or wait for it, and try again.",
    )


def _chosen(services: Services, backup_id: uuid.UUID, region: str, present: set[str]) -> str:
    services.settings.get_region(region)
    if region not in present:
        raise _without_replica(region, backup_id, ", ".join(sorted(present)) or "none yet")
    return region


def _in_order(services: Services, present: set[str]) -> Iterator[str]:
    return (name for name in services.stores if name in present)


def _fault_of(services: Services, region: str, source: str, backup_id: uuid.UUID) -> StrongroomError | None:
    try:
        record = find_commit(services.open_repository(), services.stores[region], source, backup_id)
    except StrongroomError as error:
        return error
    return None if record is not None else _without_replica(region, backup_id, "none of what the catalog lists")


def _without_replica(region: str, backup_id: uuid.UUID, others: str) -> RegionWithoutReplicaError:
    return RegionWithoutReplicaError(
        f"Region {region} has no whole copy of backup {backup_id}.", next_step=f"Choose one of: {others}."
    )
