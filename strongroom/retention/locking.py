"""Locks until the policy's end: what a backup consists of cannot be removed, by anybody, before its policy lets it go.

Objects are locked for some days when they are written; here they are locked for as long as the days of their
policy keep them, also the packs that they share with older backups. A lock only ever gets longer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState
from strongroom.catalog.jobs import Job
from strongroom.catalog.retention import BackupLock, list_agreed
from strongroom.errors import CannotDecryptError, IntegrityError, NotFoundError
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.jobs.progress import JobProgress
from strongroom.repository.layout import backup_slots, commit_key, manifest_key, pack_key
from strongroom.repository.opening import get_committed, open_committed
from strongroom.retention.gathering import SourceBackups
from strongroom.retention.planning import policy_of
from strongroom.retention.terms import Terms
from strongroom.services import Services
from strongroom.storage.locking import lock_object, prove_locks
from strongroom.storage.store import LockProof

IGNORED = "retention.lock_ignored"


@dataclass(frozen=True, slots=True)
class Due:
    """A backup that a region holds and that is not locked for as long as it should be."""

    backup: Backup
    until: datetime


def request_locking(services: Services) -> list[Job]:
    """Queue, for every region that locks, a job for what is not locked until its end yet; most hours there is none."""
    jobs = []
    for region in services.settings.regions:
        if region.object_lock is None:
            continue
        with services.catalog.begin() as session:
            newest = next(iter(list_due(services, session, region.name)), None)
            if newest is not None:
                jobs.append(_enqueue(services, session, region.name))
    return jobs


def list_due(services: Services, session: Session, region: str) -> list[Due]:
    """Return what the region holds and does not lock until its policy's end yet, oldest first."""
    query = (
        select(Backup, BackupLock.until)
        .join(Replica, Replica.backup_id == Backup.id)
        .outerjoin(BackupLock, (BackupLock.backup_id == Backup.id) & (BackupLock.region == region))
        .where(Backup.state == BackupState.COMMITTED, Replica.region == region, Replica.state == ReplicaState.PRESENT)
        .order_by(Backup.created_at, Backup.id)
    )
    agreed, now = list_agreed(session), services.clock.now()
    due = []
    for backup, locked_until in session.execute(query):
        before = Terms.parse(agreed[backup.source].terms) if backup.source in agreed else None
        until = _end_of(services, backup, before)
        if until is not None and until > now and (locked_until is None or locked_until < until):
            due.append(Due(backup, until))
    return due


def run_locking(services: Services, context: JobContext) -> dict[str, Any]:
    """Lock what is due in the region a job names; a second run goes on where the first one ended.

    Whether the region keeps locked objects at all is tried first; one that does not is an alert.
    """
    region = str(context.args["region"])
    proof = prove_locks(services.stores[region])
    context.write(lambda session: _judge(services, session, region, proof))
    with services.catalog.read() as session:
        due = list_due(services, session, region)
    objects, failed = 0, {}
    for done, one in enumerate(due):
        context.report(JobProgress(phase="locking", done_bytes=0, total_bytes=None, files=done))
        try:
            locked = _lock(services, region, one, context.check)
        except (IntegrityError, NotFoundError, CannotDecryptError) as error:
            # A damaged copy keeps nobody else from being locked; it is due again when it is repaired.
            failed[str(one.backup.id)] = error.what
            continue
        context.write(_recording(services, region, one, locked))
        objects += locked
    enforced = proof is LockProof.ENFORCED
    return {"region": region, "backups": len(due) - len(failed), "objects": objects, "enforced": enforced} | (
        {"failed": failed} if failed else {}
    )


def _enqueue(services: Services, session: Session, region: str) -> Job:
    wanted = JobRequest(
        JobKind.RETENTION_LOCK,
        {"region": region},
        services.random(16).hex(),
        dedupe_key=f"lock:{region}:{services.clock.now():%Y-%m-%dT%H}",
        exclusion=f"lock:{region}",
    )
    return services.ledger.enqueue(session, wanted)


def _end_of(services: Services, backup: Backup, agreed: Terms | None) -> datetime | None:
    """Return until when the days of its policy keep a backup; counts and periods lock nothing, as they may change."""
    _, wanted = policy_of(services.settings, SourceBackups(backup.source, backup.policy, ()))
    terms = [one for one in (wanted, agreed) if one is not None]
    return backup.created_at + timedelta(days=max(one.retention_days for one in terms)) if terms else None


def _lock(services: Services, region: str, due: Due, check: Callable[[], None]) -> int:
    store, locked = services.stores[region], 0
    for key in _keys(services, region, due.backup):
        check()
        locked += lock_object(store, key, due.until)
    return locked


def _keys(services: Services, region: str, backup: Backup) -> Iterator[str]:
    """Yield what the region needs to restore the backup, the packs first and the commit record last."""
    repository, store = services.open_repository(), services.stores[region]
    record = get_committed(repository, store, backup.source, backup.id)
    head = open_committed(repository, store, services.keks[region], record)
    yield from (pack_key(pack.session_id, pack.sha256) for pack in head.packs)
    yield from (slot.key for slot in store.list(backup_slots(backup.id, record.session_id)))
    yield manifest_key(backup.source, backup.id, record.session_id)
    yield commit_key(backup.source, backup.id)


def _recording(services: Services, region: str, due: Due, objects: int) -> Callable[[Session], None]:
    def record(session: Session) -> None:
        now = services.clock.now()
        session.merge(
            BackupLock(backup_id=due.backup.id, region=region, until=due.until, objects=objects, locked_at=now)
        )

    return record


def _judge(services: Services, session: Session, region: str, proof: LockProof) -> None:
    now = services.clock.now()
    if proof is not LockProof.IGNORED:
        clear_alerts(session, cause=IGNORED, region=region, now=now, note="locked objects are kept")
        return
    open_alert(
        session,
        AlertReport(
            type=AlertType.INTEGRITY,
            severity=Severity.HIGH,
            cause=IGNORED,
            message=f"Region {region} takes locks and lets locked objects be removed all the same.",
            next_step=f"Keep nothing there that has to be safe from removal. See: strongroom regions check {region}",
            at=now,
            region=region,
        ),
    )
