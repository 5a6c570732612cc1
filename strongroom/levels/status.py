"""The one-screen answer: is every source backed up, copied and recent; is every process alive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.alerts.acting import list_active
from strongroom.backup.schedule import next_slots
from strongroom.catalog.alerts import Alert, AlertState, Severity
from strongroom.catalog.backup_queries import latest_per_source, list_replicas
from strongroom.catalog.backups import Backup, RegionCheck
from strongroom.catalog.databases import DatabaseState, list_database_states
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.catalog.region_verifications import RegionLevel, count_damaged, count_unread, find_last_finished
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.processes import ProcessKind
from strongroom.jobs.queues import QueueStatus, list_queues
from strongroom.levels.measuring import SourceLevels, measure
from strongroom.levels.standbys import StandbyStatus, standby_statuses
from strongroom.services import Services
from strongroom.settings import SourceSettings

LATE = ("level.missed", "level.stuck")
SILENT_SECONDS = 60
"""Six heartbeats: a process that missed them all is not counted on."""
FORGOTTEN_SECONDS = 24 * 3600
"""A process that has been silent for longer says nothing about whether there is still a service."""
NEEDED = (ProcessKind.WORKER, ProcessKind.SCHEDULER, ProcessKind.WATCHER)
MOST_ALERTS = 5


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """A database that RDS runs, as it was seen last; `standbys` would take over, `replicas` only read."""

    status: str
    several_zones: bool
    zone: str | None
    standbys: tuple[str, ...]
    replicas: tuple[str, ...]
    seen_at: datetime
    fault: str | None
    """Why the last look failed; the rest is as it was before."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source: its last committed backup, where the copies are, and what its newest job says."""

    name: str
    kind: str
    policy: str
    backup_id: str | None
    last_committed: datetime | None
    age_seconds: int | None
    protected: bool
    partial: bool
    size: int
    regions: dict[str, str]
    running_job: str | None
    last_error: str | None
    next_run: datetime | None
    levels: SourceLevels
    late: str | None
    """A backup that was missed or is stuck, in the words of its alert."""
    database: DatabaseStatus | None = None
    """Zones and standbys, for a source of kind `rds` that was looked at."""

    @property
    def failing(self) -> bool:
        """Say whether the newest backup failed, or the last drill."""
        drill = self.levels.last_drill
        return self.last_error is not None or (drill is not None and not drill.passed)

    @property
    def overdue(self) -> bool:
        """Say whether a promise is not kept, or a backup is missing or stuck."""
        return bool(self.levels.breaches) or self.late is not None

    @property
    def healthy(self) -> bool:
        """Say whether there is a whole backup in every region, and nothing fails or is overdue."""
        return self.protected and not self.partial and not self.failing and not self.overdue


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog says of one source: its newest backup and job, what was measured, and whether it is late."""

    backup: Backup | None
    job: Job | None
    levels: SourceLevels
    late: str | None
    database: DatabaseState | None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process of the service and the age of its last sign of life."""

    name: str
    kind: str
    silent_seconds: int


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When a check of a region ended last, and whether all was well then."""

    at: datetime
    passed: bool


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """What the checks of one region say: when they ended last, copies that are damaged now, packs too long unread."""

    name: str
    presence: LastCheck | None
    sample: LastCheck | None
    damaged_backups: int
    overdue_packs: int

    @property
    def healthy(self) -> bool:
        """Say whether nothing in the region is damaged and everything was read lately."""
        return not self.damaged_backups and not self.overdue_packs


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is not resolved."""

    id: str
    severity: Severity
    state: AlertState
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Sources with the worst first, regions and what is wrong with which, jobs by state, paused queues, processes.

    `open_alerts` counts by severity the alerts that are not resolved, and `alerts` are the worst of them.
    """

    sources: tuple[SourceStatus, ...]
    regions: tuple[RegionStatus, ...]
    region_faults: dict[str, str]
    jobs: dict[str, int]
    paused_queues: tuple[QueueStatus, ...]
    processes: tuple[ProcessStatus, ...]
    standbys: tuple[StandbyStatus, ...] = ()
    open_alerts: dict[str, int] = field(default_factory=dict)
    alerts: tuple[OpenAlert, ...] = ()

    @property
    def schedulers(self) -> int:
        """Return how many Beats are alive; one is enough, and more do no harm."""
        return self._alive(ProcessKind.SCHEDULER)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the kinds of processes that a service needs and that are not alive; none where no service runs."""
        if all(process.silent_seconds > FORGOTTEN_SECONDS for process in self.processes):
            return ()
        return tuple(kind.value for kind in NEEDED if not self._alive(kind))

    @property
    def scheduler_missing(self) -> bool:
        """Say whether a service runs without a Beat."""
        return ProcessKind.SCHEDULER in self.missing

    @property
    def healthy(self) -> bool:
        """Say whether all sources, regions and standbys are well, nobody is missing, and no critical alert is open."""
        sources, regions = all(one.healthy for one in self.sources), all(one.healthy for one in self.regions)
        well = sources and regions and all(one.healthy for one in self.standbys)
        return well and not (self.region_faults or self.missing or self.open_alerts.get(Severity.CRITICAL))

    def _alive(self, kind: ProcessKind) -> int:
        return sum(process.kind == kind and process.silent_seconds <= SILENT_SECONDS for process in self.processes)


def status(services: Services) -> StatusReport:
    """Answer from the catalog alone; asks no region and needs no key."""
    now = services.clock.now()
    with services.catalog.read() as session:
        known = _known(session, services.settings.sources, now)
        sources = [
            _source_status(session, source, known[name], now) for name, source in services.settings.sources.items()
        ]
        return StatusReport(
            sources=tuple(sorted(sources, key=_worst_first)),
            regions=tuple(_region_status(services, session, region.name, now) for region in services.settings.regions),
            region_faults=_region_faults(session, [region.name for region in services.settings.regions]),
            jobs=_jobs_by_state(session),
            paused_queues=tuple(queue for queue in list_queues(session) if queue.paused),
            processes=_processes(session, now),
            standbys=standby_statuses(session, services.settings.standbys, now),
            open_alerts=_open_alerts(session),
            alerts=tuple(
                OpenAlert(str(alert.id), alert.severity, alert.state, alert.message, alert.since)
                for alert in list_active(session, limit=MOST_ALERTS)
            ),
        )


def _newest_jobs(session: Session) -> dict[str, Job]:
    query = select(Job).where(Job.kind == JobKind.BACKUP_RUN).order_by(Job.id.desc()).limit(1000)
    newest: dict[str, Job] = {}
    for job in session.scalars(query):
        newest.setdefault(job.args["source"], job)
    return newest


def _known(session: Session, sources: Mapping[str, SourceSettings], now: datetime) -> dict[str, Known]:
    jobs, backups, late = _newest_jobs(session), latest_per_source(session), _late(session)
    levels, databases = measure(session, sources, now), list_database_states(session)
    return {
        name: Known(backups.get(name), jobs.get(name), levels[name], late.get(name), databases.get(name))
        for name in sources
    }


def _source_status(session: Session, source: SourceSettings, known: Known, now: datetime) -> SourceStatus:
    backup, job = known.backup, known.job
    running = job is not None and job.state not in FINAL_STATES
    return SourceStatus(
        name=source.name,
        kind=source.kind,
        policy=source.policy,
        backup_id=None if backup is None else str(backup.id),
        last_committed=None if backup is None else backup.committed_at,
        age_seconds=_age(backup, now),
        protected=backup is not None and backup.protected_at is not None,
        partial=backup is not None and backup.partial,
        size=0 if backup is None else backup.source_bytes,
        regions={} if backup is None else {r.region: r.state.value for r in list_replicas(session, backup.id)},
        running_job=str(job.id) if job is not None and running else None,
        last_error=_last_error(job),
        next_run=_next_run(source, now),
        levels=known.levels,
        late=known.late,
        database=None if known.database is None or source.kind != "rds" else _database_status(known.database),
    )


def _database_status(row: DatabaseState) -> DatabaseStatus:
    state = row.state or {}
    return DatabaseStatus(
        status=str(state.get("status", "unknown")),
        several_zones=bool(state.get("several_zones")),
        zone=state.get("zone"),
        standbys=tuple(state.get("standbys", ())),
        replicas=tuple(state.get("replicas", ())),
        seen_at=row.seen_at,
        fault=row.fault,
    )


def _late(session: Session) -> dict[str, str]:
    query = select(Alert.source, Alert.message).where(Alert.cause.in_(LATE), Alert.state != AlertState.RESOLVED)
    return {source: message for source, message in session.execute(query).tuples() if source is not None}


def _next_run(source: SourceSettings, now: datetime) -> datetime | None:
    slot = next(next_slots(source.schedule, now), None) if source.schedule.enabled else None
    return None if slot is None else slot.at


def _age(backup: Backup | None, now: datetime) -> int | None:
    if backup is None or backup.committed_at is None:
        return None
    return max(0, int((now - backup.committed_at).total_seconds()))


def _last_error(job: Job | None) -> str | None:
    if job is None or job.state not in {JobState.FAILED, JobState.DEAD}:
        return None
    return str((job.last_error or {}).get("message", job.state.value))


def _worst_first(source: SourceStatus) -> tuple[bool, bool, bool, bool, int, str]:
    age = source.age_seconds
    return source.healthy, not source.failing, not source.overdue, age is not None, -(age or 0), source.name


def _region_faults(session: Session, regions: list[str]) -> dict[str, str]:
    query = select(RegionCheck).where(RegionCheck.fault.is_not(None), RegionCheck.region.in_(regions))
    return {check.region: check.fault or "" for check in session.scalars(query)}


def _region_status(services: Services, session: Session, region: str, now: datetime) -> RegionStatus:
    due = now - timedelta(days=services.settings.verification.read_every_days)
    return RegionStatus(
        name=region,
        presence=_last_check(session, region, RegionLevel.PRESENCE, RegionLevel.DATA),
        sample=_last_check(session, region, RegionLevel.SAMPLE, RegionLevel.DATA),
        damaged_backups=count_damaged(session, region),
        overdue_packs=count_unread(session, region, before=due),
    )


def _last_check(session: Session, region: str, *levels: RegionLevel) -> LastCheck | None:
    """Return the newest check of any of the levels: one that reads everything looks whether it is there as well."""
    found = (find_last_finished(session, region, level) for level in levels)
    ended = [LastCheck(one.finished_at, one.passed is True) for one in found if one and one.finished_at]
    return max(ended, key=lambda check: check.at, default=None)


def _open_alerts(session: Session) -> dict[str, int]:
    query = select(Alert.severity, func.count()).where(Alert.state != AlertState.RESOLVED).group_by(Alert.severity)
    counted = {severity.value: number for severity, number in session.execute(query).tuples()}
    return {severity.value: counted[severity.value] for severity in reversed(Severity) if severity.value in counted}


def _jobs_by_state(session: Session) -> dict[str, int]:
    counted = session.execute(select(Job.state, func.count()).group_by(Job.state)).all()
    return {state.value if isinstance(state, JobState) else str(state): count for state, count in counted}


def _processes(session: Session, now: datetime) -> tuple[ProcessStatus, ...]:
    rows = session.scalars(select(Heartbeat).order_by(Heartbeat.kind, Heartbeat.name))
    return tuple(ProcessStatus(row.name, row.kind, max(0, int((now - row.beat_at).total_seconds()))) for row in rows)
