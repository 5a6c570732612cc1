"""The tick that compares wanted replicas with actual ones and queues a copy for each difference."""

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.alerts.copies import report_region
from strongroom.catalog.backup_queries import wanted_replicas
from strongroom.catalog.backups import Backup, Medium, RegionCheck, Replica
from strongroom.catalog.jobs import Job, JobState
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger
from strongroom.repository.errors import RepositoryNotFoundError
from strongroom.repository.layout import REPOSITORY_KEY
from strongroom.services import Services
from strongroom.storage.store import Store

log = logging.getLogger(__name__)

SHORTEST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(hours=1)
MOST_DOUBLINGS = 10


def reconcile(services: Services) -> list[Job]:
    """Queue a copy for every replica that is wanted, has no job under way or just failed, and whose region answers.

    Takes no input, so a missed tick, a double tick and a restart are all harmless: the dedupe key of a copy counts the
    rounds, and two ticks that see the same round make the same job.
    """
    up = look_at_regions(services)
    with services.catalog.begin() as session:
        now = services.clock.now()
        due = [r for r in wanted_replicas(session) if _may_begin(session, r, up) and _is_due(session, r, now)]
        return [_queue(services.ledger, session, replica) for replica in due]


def look_at_regions(services: Services) -> set[str]:
    """Ask every region whether it is there, note what each says, and return those that can take a copy.

    One that answers but has lost the repository may take copies, and still is a fault: what it held is gone.
    """
    faults = {region: _fault_of(store) for region, store in services.stores.items()}
    now = services.clock.now()
    with services.catalog.begin() as session:
        for region, fault in faults.items():
            _note_look(session, region, fault, now)
    for region, fault in faults.items():
        if fault is not None:
            log.warning("region %s cannot be relied on: %s", region, fault.what)
    return {region for region, fault in faults.items() if not isinstance(fault, UnavailableError)}


def _note_look(session: Session, region: str, fault: StrongroomError | None, now: datetime) -> None:
    """Note what a region said; one that failed the look before as well is alerted about."""
    before = session.get(RegionCheck, region)
    failed_before = before is not None and before.fault is not None
    said = None if fault is None else fault.what
    session.merge(RegionCheck(region=region, fault=said and said[:500], checked_at=now))
    if fault is None or failed_before:
        report_region(session, region, said, now)


def _fault_of(store: Store) -> StrongroomError | None:
    try:
        found = store.find(REPOSITORY_KEY)
    except StrongroomError as error:
        return error
    if found is not None:
        return None
    return RepositoryNotFoundError(
        f"Region {store.region} answers, but holds no repository.",
        next_step=f"If it is lost for good: strongroom init --upgrade --replace-region {store.region}",
    )


def _may_begin(session: Session, replica: Replica, up: set[str]) -> bool:
    """Say whether the region can take the copy; snapshots are kept by AWS, whatever its store says."""
    return replica.region in up or session.get_one(Backup, replica.backup_id).medium is Medium.SNAPSHOT


def _is_due(session: Session, replica: Replica, now: datetime) -> bool:
    """Say whether no job is under way, and the last one, if it failed, has been over for long enough."""
    job = None if replica.job_id is None else session.get(Job, replica.job_id)
    if job is None or job.state is JobState.SUCCEEDED:
        return True
    return job.finished_at is not None and now >= job.finished_at + rest_after(replica.rounds)


def rest_after(rounds: int) -> timedelta:
    """Return how long to wait after a copy that failed for good: half a minute, doubling up to an hour."""
    doublings = max(0, min(rounds - 1, MOST_DOUBLINGS))
    return min(SHORTEST_REST * (1 << doublings), LONGEST_REST)


def _queue(ledger: Ledger, session: Session, replica: Replica) -> Job:
    backup = session.get_one(Backup, replica.backup_id)
    replica.rounds += 1
    medium = {"medium": backup.medium.value} if backup.medium is Medium.SNAPSHOT else {}
    job = ledger.enqueue(
        session,
        JobRequest(
            kind=JobKind.REPLICATION_COPY,
            args={"backup": str(backup.id), "region": replica.region} | medium,
            dedupe_key=f"copy:{backup.id}:{replica.region}:{replica.rounds}",
            trace_id=backup.trace_id,
            source=backup.source,
        ),
    )
    replica.job_id = job.id
    return job
