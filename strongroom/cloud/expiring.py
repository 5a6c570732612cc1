"""Deleting snapshots: of backups that are retired, and of backups that came to nothing."""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import Backup, BackupState, Medium, Replica
from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.cloud.places import AwsPlaces, service_of
from strongroom.errors import StrongroomError
from strongroom.services import Services

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SettlingReport:
    """What the tick did: backups that came to nothing, and retired backups of which nothing is left."""

    aborted: int = 0
    expired: int = 0


def expire(services: Services, backup_id: uuid.UUID) -> dict[str, str]:
    """Delete every snapshot of a backup that is retired, and return the regions where that was not possible, and why.

    The tick `cloud.reconcile` goes on with those. Nothing happens to a backup that is not retired.
    """
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        retired = backup.state is BackupState.RETIRED and backup.medium is Medium.SNAPSHOT
        regions = [replica.region for replica in list_replicas(session, backup_id)]
    if not retired:
        return {}
    places = AwsPlaces(services.settings)
    faults = {region: _expire_in(services, places, backup, region) for region in regions}
    return {region: fault for region, fault in faults.items() if fault is not None}


def reconcile(services: Services) -> SettlingReport:
    """Delete what is left of backups whose job ended without success, and of those that are retired."""
    aborted = sum(_abort(services, backup) for backup in _unsettled(services))
    expired = sum(not expire(services, backup_id) for backup_id in _unexpired(services))
    return SettlingReport(aborted=aborted, expired=expired)


def _expire_in(services: Services, places: AwsPlaces, backup: Backup, region: str) -> str | None:
    fault = _delete_all(places, backup, region)
    if fault is not None:
        return fault
    with services.catalog.begin() as session:
        replica = session.get(Replica, (backup.id, region))
        if replica is not None:
            session.delete(replica)
    return None


def _abort(services: Services, backup: Backup) -> bool:
    places = AwsPlaces(services.settings)
    if _delete_all(places, backup, backup.regions[0]) is not None:
        return False
    with services.catalog.begin() as session:
        session.get_one(Backup, backup.id).state = BackupState.ABORTED
    return True


def _delete_all(places: AwsPlaces, backup: Backup, region: str) -> str | None:
    # A backup that came to nothing has no facts yet: a cluster's snapshots are looked for beside those of instances.
    clusters: Iterable[bool] = (False, True) if backup.source_kind == "rds" else (False,)
    try:
        client = places.client(region)
        for cluster in clusters:
            service = service_of(backup.source_kind, {"cluster": cluster})
            for snapshot in service.find(client, backup.id):
                service.delete(client, snapshot)
    except StrongroomError as error:
        log.warning("snapshots of backup %s in %s are not deleted: %s", backup.id, region, error)
        return error.what
    return None


def _unsettled(services: Services) -> list[Backup]:
    query = (
        select(Backup)
        .join(Job, Job.id == Backup.id)
        .where(Backup.medium == Medium.SNAPSHOT, Backup.state == BackupState.RUNNING, Job.state.in_(FINAL_STATES))
        .limit(MOST_AT_ONCE)
    )
    with services.catalog.read() as session:
        return list(session.scalars(query))


def _unexpired(services: Services) -> list[uuid.UUID]:
    query = (
        select(Backup.id)
        .join(Replica, Replica.backup_id == Backup.id)
        .where(Backup.medium == Medium.SNAPSHOT, Backup.state == BackupState.RETIRED)
        .distinct()
        .limit(MOST_AT_ONCE)
    )
    with services.catalog.read() as session:
        return list(session.scalars(query))
