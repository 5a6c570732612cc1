"""Deleting what a late worker left: AWS did what it was asked for when the backup was settled without it.

Only what carries the id of a backup that the catalog knows is looked at, and nothing that it calls a copy goes.
"""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select

from strongroom.catalog.backups import Backup, BackupState, Medium
from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.cloud.places import AwsPlaces, service_of
from strongroom.cloud.snapshots import CloudSnapshot, SnapshotService, SnapshotState
from strongroom.errors import StrongroomError
from strongroom.services import Services

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Backups that the catalog is asked about at a time."""


def sweep_strays(services: Services) -> int:
    """Delete in every region the snapshots of backups that have ended, and second ones; return how many those were.

    A region that does not answer is left to the next sweep.
    """
    places = AwsPlaces(services.settings)
    regions = [region.name for region in services.settings.regions if region.aws is not None]
    keepers = list(_keepers(services))
    return sum(_sweep_region(services, places, region, keepers) for region in regions)


def _keepers(services: Services) -> Iterator[SnapshotService]:
    with services.catalog.read() as session:
        kinds = session.scalars(select(Backup.source_kind).where(Backup.medium == Medium.SNAPSHOT).distinct()).all()
    for kind in sorted(kinds):
        yield service_of(kind, {})
        if kind == "rds":
            yield service_of(kind, {"cluster": True})


def _sweep_region(services: Services, places: AwsPlaces, region: str, keepers: Sequence[SnapshotService]) -> int:
    swept = 0
    try:
        client = places.client(region)
        for keeper in keepers:
            for snapshot in _strays(services, region, keeper.find_all(client)):
                log.warning("snapshot %s in %s was left by a late worker and is deleted", snapshot.id, region)
                keeper.delete(client, snapshot)
                swept += 1
    except StrongroomError as error:
        log.warning("what late workers left in %s is not deleted: %s", region, error)
    return swept


def _strays(
    services: Services, region: str, found: Mapping[uuid.UUID, Sequence[CloudSnapshot]]
) -> Iterator[CloudSnapshot]:
    ids = list(found)
    for first in range(0, len(ids), AT_ONCE):
        for backup in _settled(services, ids[first : first + AT_ONCE]):
            yield from (one for one in found[backup.id] if _is_stray(backup, region, one, found[backup.id]))


def _settled(services: Services, ids: Sequence[uuid.UUID]) -> Sequence[Backup]:
    """Return those of the backups that no job of their own works on any more."""
    query = select(Backup).outerjoin(Job, Job.id == Backup.id).where(Backup.medium == Medium.SNAPSHOT)
    query = query.where(Backup.id.in_(ids), Job.id.is_(None) | Job.state.in_(FINAL_STATES))
    with services.catalog.read() as session:
        return session.scalars(query).all()


def _is_stray(backup: Backup, region: str, snapshot: CloudSnapshot, beside: Sequence[CloudSnapshot]) -> bool:
    if backup.state in {BackupState.ABORTED, BackupState.RETIRED}:
        return True
    kept = backup.facts.get("snapshots", {}).get(region, {}).get(snapshot.part)
    return backup.state is BackupState.COMMITTED and any(
        one.id == kept != snapshot.id and one.encrypted and one.state is SnapshotState.READY for one in beside
    )
