"""Metrics of sources: their backups, how these ended, and what is promised."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.backups import Backup, BackupState, Replica, ReplicaState
from strongroom.catalog.jobs import ENDED_BACKUPS, Job, JobState
from strongroom.metrics import definitions as metric
from strongroom.metrics.definition import Distribution, Labels
from strongroom.metrics.sums import count_where, seconds_between, sum_where
from strongroom.settings import Settings, SourceSettings

BOUNDS = (60.0, 600.0, 3600.0, 14400.0)
"""Seconds. Few, as each is a series of every source."""

ALWAYS = (JobState.SUCCEEDED, JobState.FAILED)
"""Outcomes that are there from the start: a rate needs a zero to begin from."""


@dataclass(frozen=True, slots=True)
class Copies:
    """One source's copies in one region, by what is known of them."""

    newest_whole: datetime | None
    oldest_missing: datetime | None
    missing_objects: int
    damaged: int
    stored_bytes: int


CopiesByPlace = Mapping[tuple[str, str], Copies]
"""By source and region."""


def read_copies(session: Session) -> CopiesByPlace:
    """Return what regions hold of every source, in one statement."""
    whole = Replica.state == ReplicaState.PRESENT
    columns = (
        func.max(Backup.created_at).filter(whole),
        func.min(Backup.committed_at).filter(~whole),
        sum_where(~whole, Backup.objects),
        count_where(Replica.state == ReplicaState.DAMAGED),
        sum_where(whole, Replica.bytes),
    )
    query = select(Backup.source, Replica.region, *columns).join(Backup, Backup.id == Replica.backup_id)
    query = query.where(Backup.state == BackupState.COMMITTED).group_by(Backup.source, Replica.region)
    return {
        (source, region): Copies(newest, oldest, int(missing), int(damaged), int(stored))
        for source, region, newest, oldest, missing, damaged, stored in session.execute(query)
    }


def source_families(session: Session, settings: Settings, copies: CopiesByPlace) -> Iterator[Metric]:
    """Yield what is measured of every source that is configured."""
    sources = settings.sources
    yield _last_success(settings, copies)
    yield metric.RPO.family({(name,): source.levels.rpo_seconds for name, source in sources.items()})
    yield metric.RTO.family({(name,): source.levels.rto_seconds for name, source in sources.items()})
    yield metric.RUNS.family(_runs(session, sources))
    yield from _made(session, sources)
    yield from _sizes(session, sources)


def _last_success(settings: Settings, copies: CopiesByPlace) -> Metric:
    regions = {region.name for region in settings.regions}
    return metric.LAST_SUCCESS.family(
        {
            (name, settings.sources[name].kind, settings.sources[name].policy, region): known.newest_whole.timestamp()
            for (name, region), known in copies.items()
            if name in settings.sources and region in regions and known.newest_whole is not None
        }
    )


def _runs(session: Session, sources: Mapping[str, SourceSettings]) -> dict[Labels, float]:
    runs: dict[Labels, float] = {
        (name, source.kind, state.value): 0.0 for name, source in sources.items() for state in ALWAYS
    }
    query = select(Job.source, Job.state, func.count()).where(ENDED_BACKUPS).group_by(Job.source, Job.state)
    for name, state, count in session.execute(query):
        if name in sources:
            runs[name, sources[name].kind, state.value] = count
    return runs


def _made(session: Session, sources: Mapping[str, SourceSettings]) -> Iterator[Metric]:
    """Yield how long backups took and how many can be restored."""
    seconds = seconds_between(Backup.created_at, Backup.committed_at)
    within = [count_where(seconds <= bound) for bound in BOUNDS]
    restorable = count_where(Backup.state == BackupState.COMMITTED)
    query = select(Backup.source, restorable, func.count(), func.sum(seconds), *within)
    query = query.where(Backup.committed_at.is_not(None)).group_by(Backup.source)
    rows = {row[0]: row[1:] for row in session.execute(query)}
    nothing = (0, 0, 0.0, *(0 for _ in BOUNDS))
    made = {name: rows.get(name, nothing) for name in sources}
    yield metric.RESTORABLE.family({(name,): known[0] for name, known in made.items()})
    yield metric.DURATION.histogram(
        ((name, sources[name].kind), Distribution(BOUNDS, known[3:], known[1], max(0.0, known[2])))
        for name, known in made.items()
    )


def _sizes(session: Session, sources: Mapping[str, SourceSettings]) -> Iterator[Metric]:
    committed = Backup.state == BackupState.COMMITTED
    newest = select(Backup.source, func.max(Backup.created_at).label("at")).where(committed).group_by(Backup.source)
    last = newest.subquery()
    joined = (last.c.source == Backup.source) & (last.c.at == Backup.created_at)
    query = select(Backup.source, Backup.source_bytes, Backup.stored_bytes).join(last, joined).where(committed)
    rows = [
        (name, sources[name].kind, size, stored) for name, size, stored in session.execute(query) if name in sources
    ]
    yield metric.SIZE.family({(name, kind): size for name, kind, size, _ in rows})
    yield metric.STORED.family({(name, kind): stored for name, kind, _, stored in rows})
