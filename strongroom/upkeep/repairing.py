"""The job that mends one region's copy of a backup, object by object, from whatever other region holds it whole."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from strongroom.alerts.copies import clear_damage, report_damage
from strongroom.backup.browsing import paths
from strongroom.backup.lookup import resolve_backup, verify_committed, verify_in_repository
from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import Backup, Replica, ReplicaState
from strongroom.catalog.jobs import Job
from strongroom.errors import CannotDecryptError, IntegrityError, NotFoundError, StrongroomError, UnavailableError
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.jobs.progress import JobProgress
from strongroom.jobs.turns import verify_turn_to_fill
from strongroom.replication.transfer import transfer
from strongroom.repository.extents import runs_at
from strongroom.repository.layout import COMMITS, pack_key
from strongroom.repository.mending import add_missing_slots
from strongroom.repository.reader import BackupReader
from strongroom.repository.replica import ObjectRef, replica_objects
from strongroom.services import Services
from strongroom.storage.store import Evidence
from strongroom.upkeep.errors import NothingToRepairFromError

MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """A repair somebody asks for; without `apply` damage is only reported."""

    backup: str
    region: str
    apply: bool
    idempotency_key: str | None
    trace_id: str


@dataclass(slots=True)
class Mended:
    """What a repair has seen: objects checked, the weakest evidence, and the keys that were broken, mended, lost."""

    origin: str
    objects: int = 0
    bytes: int = 0
    evidence: Evidence = Evidence.CHECKSUM
    broken: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def lost(self) -> list[str]:
        """Return what is still broken."""
        repaired = set(self.repaired)
        return [key for key in self.broken if key not in repaired]


def request_repair(services: Services, request: RepairRequest) -> Job:
    """Queue a repair; raises UnknownRegionError, what resolve_backup raises, and BackupNotCommittedError."""
    services.settings.get_region(request.region)
    dedupe_key = None if request.idempotency_key is None else f"request:{request.idempotency_key}"
    with services.catalog.begin() as session:
        backup = resolve_backup(session, request.backup)
        verify_committed(backup)
        verify_in_repository(backup)
        args = {"backup": str(backup.id), "region": request.region, "apply": request.apply}
        return services.ledger.enqueue(
            session,
            JobRequest(JobKind.REPAIR_RUN, args, request.trace_id, dedupe_key=dedupe_key, source=backup.source),
        )


def run_repair(services: Services, context: JobContext) -> dict[str, Any]:
    """Check every object of the region's copy and fetch what is missing or damaged; what is nowhere whole is named.

    Raises NothingToRepairFromError where no region can even say what the backup consists of.
    """
    backup_id, region = uuid.UUID(context.args["backup"]), context.args["region"]
    with services.catalog.read() as session:
        if context.args["apply"]:
            verify_turn_to_fill(session, context.job_id, region)
        source = get_backup(session, backup_id).source
    origin, refs = _list_objects(services, context, source, backup_id)
    done = Mended(origin)
    for ref in refs:
        context.check()
        _mend(services, region, ref, done, apply=context.args["apply"])
        context.report(
            JobProgress(
                phase="repairing", done_bytes=done.bytes, total_bytes=sum(r.size for r in refs), files=done.objects
            )
        )
    files = _files_in(services, done, source, backup_id) if context.args["apply"] else []
    return context.step("repaired", lambda session: _record(session, services, context, done, files)) or {}


def _list_objects(
    services: Services, context: JobContext, source: str, backup_id: uuid.UUID
) -> tuple[str, list[ObjectRef]]:
    """Ask the other regions first, then the one to be mended, what the backup consists of."""
    region = context.args["region"]
    faults = []
    for origin in [*(name for name in services.stores if name != region), region]:
        try:
            if context.args["apply"]:
                _add_slots(services, origin, source, backup_id)
            store, kek = services.stores[origin], services.keks[origin]
            return origin, replica_objects(services.open_repository(), store, kek, source, backup_id)
        except StrongroomError as error:
            faults.append(f"{origin}: {error.what}")
    raise NothingToRepairFromError(
        f"No region can say what backup {backup_id} consists of ({'; '.join(faults)}).",
        next_step="Repair from a region that is away now when it is back; else only an older backup is left.",
    )


def _add_slots(services: Services, origin: str, source: str, backup_id: uuid.UUID) -> None:
    """Give the backup the key slots that regions missed because their key service was away when it was made."""
    for region in services.stores:
        keks = {name: services.keks[name] for name in dict.fromkeys((origin, region))}
        try:
            add_missing_slots(services.open_repository(), services.stores[origin], keks, source, backup_id)
        except (UnavailableError, CannotDecryptError):
            # That region's key service is away again, or this region's own key does not open it: nothing is worse.
            continue


def _mend(services: Services, region: str, ref: ObjectRef, done: Mended, *, apply: bool) -> None:
    target = services.stores[region]
    done.objects += 1
    done.bytes += ref.size
    try:
        done.evidence = done.evidence.weaker(target.confirm(ref.key, size=ref.size, sha256=ref.sha256))
        return
    except (IntegrityError, NotFoundError):
        incomplete = bool(done.lost)
        done.broken.append(ref.key)
    # A commit record is what makes a copy count, so it never comes before everything it promises.
    if apply and not (incomplete and ref.key.startswith(COMMITS)) and _fetch(services, region, ref, done):
        done.repaired.append(ref.key)


def _fetch(services: Services, region: str, ref: ObjectRef, done: Mended) -> bool:
    for name, store in services.stores.items():
        if name == region:
            continue
        try:
            evidence, _ = transfer(store, services.stores[region], ref, once=False)
        except (IntegrityError, NotFoundError, UnavailableError):
            continue
        done.evidence = done.evidence.weaker(evidence)
        return True
    return False


def _files_in(services: Services, done: Mended, source: str, backup_id: uuid.UUID) -> list[str] | None:
    """Name the files that lost packs hold a part of; None where the tree itself cannot be read."""
    lost = set(done.lost)
    if not lost:
        return []
    try:
        store, kek = services.stores[done.origin], services.keks[done.origin]
        reader = BackupReader(services.open_repository(), store, kek, source, backup_id)
        packs = {pack.ordinal for pack in reader.head.packs if pack_key(pack.session_id, pack.sha256) in lost}
        return list(_paths_into(reader, packs))[:MOST_NAMED]
    except StrongroomError:
        return None


def _paths_into(reader: BackupReader, packs: set[int]) -> Iterator[str]:
    for path, entry in paths(reader):
        if any(run.pack in packs for _, run in runs_at(entry.extents)):
            yield path.decode("utf-8", "backslashreplace")


def _record(
    session: Session, services: Services, context: JobContext, done: Mended, files: list[str] | None
) -> dict[str, Any]:
    backup_id, region = uuid.UUID(context.args["backup"]), context.args["region"]
    replica = session.get(Replica, (backup_id, region))
    if replica is not None and context.args["apply"]:
        _update(session, services, replica, done)
    return {
        "backup": str(backup_id),
        "region": region,
        "applied": context.args["apply"],
        "objects": done.objects,
        "evidence": done.evidence.value,
        "broken": done.broken[:MOST_NAMED],
        "repaired": done.repaired[:MOST_NAMED],
        "lost": done.lost[:MOST_NAMED] if context.args["apply"] else [],
        "files": files,
    }


def _update(session: Session, services: Services, replica: Replica, done: Mended) -> None:
    now = services.clock.now()
    backup = session.get_one(Backup, replica.backup_id, with_for_update=True)
    replica.updated_at = now
    if done.lost:
        replica.state = ReplicaState.DAMAGED
        replica.last_error = f"{len(done.lost)} of {done.objects} objects are missing or damaged"
        backup.protected_at = None
        report_damage(session, backup, replica.region, now)
        return
    replica.state, replica.last_error = ReplicaState.PRESENT, None
    replica.evidence, replica.confirmed_at = done.evidence, now
    replica.objects, replica.bytes = done.objects, done.bytes
    session.flush()
    clear_damage(session, backup, replica.region, now)
    present = {r.region for r in list_replicas(session, backup.id) if r.state is ReplicaState.PRESENT}
    if backup.protected_at is None and present.issuperset(backup.regions):
        backup.protected_at = now
