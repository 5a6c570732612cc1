"""The job that brings one region's copy of one backup into being, or mends it."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from strongroom.alerts.copies import clear_damage
from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import Backup, Replica, ReplicaState
from strongroom.catalog.protection import protect_if_whole
from strongroom.errors import StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.jobs.progress import JobProgress
from strongroom.jobs.turns import verify_turn_to_fill
from strongroom.replication.errors import NoSourceRegionError
from strongroom.replication.transfer import transfer
from strongroom.repository.mending import add_missing_slots
from strongroom.repository.replica import ObjectRef, replica_objects
from strongroom.services import Services
from strongroom.storage.store import Evidence


def run_copy(services: Services, context: JobContext) -> dict[str, Any]:
    """Copy every object that the region lacks, the commit record last; a second run sends only what is missing.

    Until the commit record is there, the region holds no backup, only bytes that belong to an open session.
    """
    backup_id, region = uuid.UUID(context.args["backup"]), context.args["region"]
    with services.catalog.read() as session:
        verify_turn_to_fill(session, context.job_id, region)
    try:
        done = _copy(services, context, backup_id, region)
    except StrongroomError as error:
        _note_failure(services, backup_id, region, error)
        raise
    return context.step("present", lambda session: _record(session, services, backup_id, done)) or {}


class _Tally:
    """What a copy has confirmed and sent so far."""

    def __init__(self, region: str, origin: str) -> None:
        self.region = region
        self.origin = origin
        self.objects = 0
        self.bytes = 0
        self.sent = 0
        self.evidence = Evidence.CHECKSUM

    def add(self, ref: ObjectRef, evidence: Evidence, sent: int) -> None:
        self.objects += 1
        self.bytes += ref.size
        self.sent += sent
        self.evidence = self.evidence.weaker(evidence)


def _copy(services: Services, context: JobContext, backup_id: uuid.UUID, region: str) -> _Tally:
    origin, objects = _plan(services, backup_id, region)
    source, target = services.stores[origin], services.stores[region]
    total = sum(ref.size for ref in objects)
    done = _Tally(region, origin)
    for ref in objects:
        context.check()
        evidence, sent = transfer(source, target, ref, once=ref is objects[-1])
        done.add(ref, evidence, sent)
        context.report(JobProgress(phase="copying", done_bytes=done.bytes, total_bytes=total, files=done.objects))
    return done


def _plan(services: Services, backup_id: uuid.UUID, region: str) -> tuple[str, list[ObjectRef]]:
    """Choose the first region that holds the backup and answers, and list what a replica is made of."""
    with services.catalog.read() as session:
        source = get_backup(session, backup_id).source
        holders = {r.region for r in list_replicas(session, backup_id) if r.state is ReplicaState.PRESENT}
    faults = []
    for origin in services.stores:
        if origin == region or origin not in holders:
            continue
        try:
            return origin, _objects(services, (origin, region), source, backup_id)
        except StrongroomError as error:
            faults.append(f"{origin}: {error.what}")
    raise NoSourceRegionError(
        f"No other region gives backup {backup_id} for {region} ({'; '.join(faults) or 'none holds it'}).",
        next_step="The copy is tried again when a region that holds the backup is back.",
    )


def _objects(services: Services, route: tuple[str, str], source: str, backup_id: uuid.UUID) -> list[ObjectRef]:
    repository, store = services.open_repository(), services.stores[route[0]]
    # A region whose key service was away when the backup was made gets its key slot now, before its copy.
    add_missing_slots(repository, store, {name: services.keks[name] for name in route}, source, backup_id)
    return replica_objects(repository, store, services.keks[route[0]], source, backup_id)


def _record(session: Session, services: Services, backup_id: uuid.UUID, done: _Tally) -> dict[str, Any]:
    now = services.clock.now()
    replica = session.get_one(Replica, (backup_id, done.region))
    replica.state = ReplicaState.PRESENT
    replica.evidence = done.evidence
    replica.objects, replica.bytes = done.objects, done.bytes
    replica.confirmed_at = replica.updated_at = now
    replica.last_error = None
    session.flush()
    protect_if_whole(session, backup_id, now)
    clear_damage(session, session.get_one(Backup, backup_id), done.region, now)
    return {"region": done.region, "from": done.origin, "objects": done.objects, "bytes": done.bytes, "sent": done.sent}


def _note_failure(services: Services, backup_id: uuid.UUID, region: str, error: StrongroomError) -> None:
    with services.catalog.begin() as session:
        replica = session.get_one(Replica, (backup_id, region))
        replica.last_error = f"{error.code}: {error.what}"[:500]
        replica.updated_at = services.clock.now()
