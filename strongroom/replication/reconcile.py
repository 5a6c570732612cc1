"""The tick that compares wanted replicas with actual ones and queues a copy for each difference."""

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.catalog.backup_queries import wanted_replicas
from strongroom.catalog.backups import Backup, Replica
from strongroom.catalog.jobs import Job, JobState
from strongroom.errors import StrongroomError
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger
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
    with services.catalog.read() as session:
        regions = {replica.region for replica in wanted_replicas(session)}
    up = {region for region in regions if region in services.stores and _answers(services.stores[region])}
    with services.catalog.begin() as session:
        now = services.clock.now()
        due = [r for r in wanted_replicas(session) if r.region in up and _is_due(session, r, now)]
        return [_queue(services.ledger, session, replica) for replica in due]


def _answers(store: Store) -> bool:
    try:
        store.find(REPOSITORY_KEY)
    except StrongroomError as error:
        log.warning("region %s does not answer, its replicas wait: %s", store.region, error.what)
        return False
    return True


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
    job = ledger.enqueue(
        session,
        JobRequest(
            kind=JobKind.REPLICATION_COPY,
            args={"backup": str(backup.id), "region": replica.region},
            dedupe_key=f"copy:{backup.id}:{replica.region}:{replica.rounds}",
            trace_id=backup.trace_id,
        ),
    )
    replica.job_id = job.id
    return job
