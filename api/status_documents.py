"""What the one-screen answer gives."""

from datetime import datetime

from api.documents import Document, QueueDocument


class LastDrillDocument(Document):
    """The drill of a source that was decided last."""

    id: str
    at: datetime
    passed: bool


class SourceLevelsDocument(Document):
    """What is promised for a source and what was measured, in seconds; `breaches` names promises that are not kept."""

    rpo_seconds: int
    rto_seconds: int
    proven_seconds: int
    protected_age_seconds: int | None
    proven_age_seconds: int | None
    drill_seconds: float | None
    forecast_seconds: float | None
    last_drill: LastDrillDocument | None
    breaches: list[str]


class DatabaseStatusDocument(Document):
    """A database that RDS runs, as it was seen last: its zone, and what would take over."""

    status: str
    several_zones: bool
    zone: str | None
    standbys: list[str]
    replicas: list[str]
    seen_at: datetime
    fault: str | None


class SourceStatusDocument(Document):
    """How well one source is protected now."""

    name: str
    kind: str
    policy: str
    backup_id: str | None
    last_committed: datetime | None
    age_seconds: int | None
    protected: bool
    partial: bool
    healthy: bool
    size: int
    regions: dict[str, str]
    running_job: str | None
    last_error: str | None
    next_run: datetime | None
    levels: SourceLevelsDocument
    late: str | None
    database: DatabaseStatusDocument | None
    failing: bool
    overdue: bool


class LastCheckDocument(Document):
    """When a check of a region ended last, and whether all was well then."""

    at: datetime
    passed: bool


class RegionStatusDocument(Document):
    """What the checks of one region say: when they ended last, damaged copies, and packs too long unread."""

    name: str
    presence: LastCheckDocument | None
    sample: LastCheckDocument | None
    damaged_backups: int
    overdue_packs: int
    healthy: bool


class ProcessDocument(Document):
    """A process of the service and the age of its last sign of life."""

    name: str
    kind: str
    silent_seconds: int


class StandbyStatusDocument(Document):
    """A primary and its standby: how the last look found them, or `unwatched`."""

    name: str
    verdict: str
    lag_seconds: float | None
    checked_at: datetime | None
    findings: list[str]
    healthy: bool


class OpenAlertDocument(Document):
    """An alert that is not resolved; /v1/alerts has all of it."""

    id: str
    severity: str
    state: str
    message: str
    since: datetime


class StatusDocument(Document):
    """Sources with the worst first, what is wrong with which region, jobs by state, paused queues, and processes.

    `missing` names the kinds of processes that have to run and do not; `open_alerts` counts by severity the alerts that
    are not resolved, and `alerts` are the worst of them.
    """

    healthy: bool
    sources: list[SourceStatusDocument]
    regions: list[RegionStatusDocument]
    region_faults: dict[str, str]
    jobs: dict[str, int]
    paused_queues: list[QueueDocument]
    processes: list[ProcessDocument]
    schedulers: int
    scheduler_missing: bool
    missing: list[str]
    standbys: list[StandbyStatusDocument]
    open_alerts: dict[str, int]
    alerts: list[OpenAlertDocument]


class StandbyDocument(Document):
    """A primary and its standby as the last look found them; findings have cause, what, next_step and since."""

    name: str
    verdict: str
    checked_at: datetime
    lag_seconds: float | None
    lag_bytes: int | None
    timeline: int | None
    slot: str | None
    slot_bytes: int | None
    findings: list[dict[str, str]]
