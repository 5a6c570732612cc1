"""What the API takes and gives. Only what is named here leaves the process."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.bodies import Body, Name, SignedBody
from api.checks import Health
from api.restore_targets import TargetBody
from strongroom.backup.batches import MOST_REQUESTS, ProbeRequest
from strongroom.backup.database_wish import DatabaseWish
from strongroom.backup.kinds import RequestedKind
from strongroom.backup.requests import BackupRequest, VerificationRequest
from strongroom.backup.restore_requests import RestoreRequest
from strongroom.backup.selection import Selection
from strongroom.catalog.backups import BackupKind, BackupState, Medium, ReplicaState, VerificationLevel
from strongroom.catalog.jobs import JobState
from strongroom.catalog.paging import Page
from strongroom.jobs.enqueueing import MOST_DEADLINE_SECONDS
from strongroom.jobs.kinds import Queue
from strongroom.sources.postgres.selection import DumpSelection, Part

Key = Annotated[str, Field(min_length=1, max_length=160, pattern=r"^[\x21-\x7e]+$")]
Deadline = Annotated[
    int | None,
    Field(ge=1, le=MOST_DEADLINE_SECONDS, description="Fail unless it is over so many seconds from now."),
]
DocumentT = TypeVar("DocumentT", bound="Document")


class Document(BaseModel):
    """What an answer carries, read from a row or a value."""

    model_config = ConfigDict(from_attributes=True)


class PageDocument(BaseModel, Generic[DocumentT]):
    """Some rows of a list; `next_cursor` asks for those after them and is null at the end."""

    items: list[DocumentT]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any], document: type[DocumentT]) -> Self:
        """Show a page of rows."""
        return cls(items=[document.model_validate(row) for row in page.items], next_cursor=page.next_cursor)


class BackupBody(Body):
    """A backup somebody wants."""

    source: Name
    kind: RequestedKind = RequestedKind.AUTO
    force_read: bool = False
    deadline_seconds: Deadline = None

    def with_key(self, key: str | None, trace_id: str) -> BackupRequest:
        """Return the request as the use case takes it."""
        return BackupRequest(self.source, self.kind, key, trace_id, self.deadline_seconds, self.force_read)


class SelectionBody(Body):
    """What of a tree is wanted: paths with all below them, patterns as in a .gitignore file; without any, all."""

    paths: list[str] = Field(default=[], max_length=1000)
    include: list[str] = Field(default=[], max_length=1000)
    exclude: list[str] = Field(default=[], max_length=1000)

    def as_request(self) -> Selection:
        """Return the selection as the use case takes it."""
        return Selection(tuple(self.paths), tuple(self.include), tuple(self.exclude))


class DatabasesBody(Body):
    """What of a PostgreSQL backup is restored; all databases where none is named, 0 jobs for as many as dumped it."""

    names: tuple[Annotated[str, Field(min_length=1, max_length=63)], ...] = ()
    jobs: Annotated[int, Field(strict=True, ge=0, le=64)] = 0
    owners: Annotated[bool, Field(strict=True)] = False
    tables: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    schemas: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    part: Part = Part.ALL

    def as_wish(self) -> DatabaseWish:
        """Return the wish as the use case takes it."""
        return DatabaseWish(self.names, self.jobs, self.owners, DumpSelection(self.tables, self.schemas, self.part))


class RestoreBody(Body):
    """A restore somebody wants; `backup` is an id or `latest:SOURCE`. To overwrite, `confirm` repeats the target.

    In the name of a target database, `{database}` stands for the name of each database.
    """

    backup: Annotated[str, Field(min_length=1, max_length=100)]
    region: Name | None = None
    target: TargetBody
    overwrite: Annotated[bool, Field(strict=True)] = False
    confirm: str | None = None
    selection: SelectionBody = SelectionBody()
    deadline_seconds: Deadline = None
    databases: DatabasesBody | None = None

    def with_key(self, key: str | None, trace_id: str) -> RestoreRequest:
        """Return the request as the use case takes it."""
        return RestoreRequest(
            backup=self.backup,
            region=self.region,
            target=self.target.as_request(),
            overwrite=self.overwrite,
            confirm=self.confirm,
            idempotency_key=key,
            trace_id=trace_id,
            selection=self.selection.as_request(),
            deadline_seconds=self.deadline_seconds,
            databases=self.databases.as_wish() if self.databases else None,
        )


class VerificationBody(Body):
    """A verification somebody wants; `backup` is an id or `latest:SOURCE`, no region means the home region."""

    backup: Annotated[str, Field(min_length=1, max_length=100)]
    region: Name | None = None
    level: VerificationLevel = VerificationLevel.PRESENCE
    deadline_seconds: Deadline = None


class BackupItem(BackupBody):
    """A backup, as an item of a batch."""

    job: Literal["backup"]
    idempotency_key: Key | None = None

    def as_request(self, trace_id: str) -> BackupRequest:
        """Return the request as the use case takes it."""
        return self.with_key(self.idempotency_key, trace_id)


class VerificationItem(VerificationBody):
    """A verification, as an item of a batch."""

    job: Literal["verification"]
    idempotency_key: Key | None = None

    def as_request(self, trace_id: str) -> VerificationRequest:
        """Return the request as the use case takes it."""
        key, deadline = self.idempotency_key, self.deadline_seconds
        return VerificationRequest(self.backup, self.region, self.level, key, trace_id, deadline)


class ProbeItem(Body):
    """A probe of a queue, as an item of a batch."""

    job: Literal["probe"]
    queue: Queue
    idempotency_key: Key | None = None

    def as_request(self, trace_id: str) -> ProbeRequest:
        """Return the request as the use case takes it."""
        return ProbeRequest(self.queue, self.idempotency_key, trace_id)


Item = Annotated[BackupItem | VerificationItem | ProbeItem, Field(discriminator="job")]


class BatchBody(Body):
    """Many things somebody wants at once, all of them or none."""

    items: Annotated[list[Item], Field(min_length=1, max_length=MOST_REQUESTS)]


class ProbesBody(Body):
    """The queues somebody wants probed; all of them unless named."""

    queues: list[Queue] = Field(default=list(Queue), min_length=1, max_length=len(Queue))


class BatchDocument(BaseModel):
    """The ids of the jobs that were accepted, in the order of the items; each is followed like any other job."""

    jobs: list[uuid.UUID]


class JobDocument(Document):
    """A job: what was asked for, where it stands, how far it is. The id is also that of what it makes."""

    id: uuid.UUID
    kind: str
    args: dict[str, Any]
    state: JobState
    attempt: int
    errors: int
    crashes: int
    cancel_requested: bool
    pause_requested: bool
    deadline_at: datetime | None
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    last_error: dict[str, Any] | None
    trace_id: str
    run_after: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class PauseBody(SignedBody):
    """Why a queue is paused, for those who find it paused."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class QueueDocument(Document):
    """A queue: jobs that wait in it and run from it; who paused it, when and why, where somebody did."""

    queue: Queue
    waiting: int
    running: int
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    reason: str | None


class ReplicaDocument(Document):
    """One region's copy of a backup."""

    region: str
    state: ReplicaState
    evidence: str | None
    objects: int
    bytes: int
    confirmed_at: datetime | None
    last_error: str | None


class BackupDocument(Document):
    """A backup, as it stands in a list."""

    id: uuid.UUID
    source: str
    source_kind: str
    medium: Medium
    kind: BackupKind
    state: BackupState
    parent_id: uuid.UUID | None
    policy: str
    regions: list[str]
    created_at: datetime
    committed_at: datetime | None
    protected_at: datetime | None
    partial: bool
    problem_count: int
    files: int
    source_bytes: int
    stored_bytes: int
    reused_bytes: int
    objects: int
    manifest_sha256: str | None
    trace_id: str


class BackupDetailDocument(BackupDocument):
    """A backup with its copies, its problems and what its source said about itself."""

    problems: list[dict[str, str]]
    facts: dict[str, Any]
    replicas: list[ReplicaDocument]


class RestoreDocument(Document):
    """A restore; whether it succeeded is said by the job of the same id."""

    id: uuid.UUID
    backup_id: uuid.UUID
    region: str | None
    target: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None
    files: int
    bytes: int
    problem_count: int
    problems: list[dict[str, str]]


class VerificationDocument(Document):
    """A verification; `passed` is null until its job has ended."""

    id: uuid.UUID
    backup_id: uuid.UUID
    region: str
    level: VerificationLevel
    created_at: datetime
    finished_at: datetime | None
    passed: bool | None
    evidence: str | None
    objects: int
    bytes: int
    damage: list[dict[str, str]]


class SourceDocument(Document):
    """A source as it is configured, without its secrets."""

    name: str
    kind: str
    location: str
    policy: str
    retention_days: int
    regions: list[str]


class SlotDocument(Document):
    """A moment at which a source is due, and the kind of backup that is due then."""

    at: datetime
    kind: BackupKind


class DrillTimesDocument(Document):
    """When drills of a source are held by themselves: a cron expression in a time zone, and moments in UTC."""

    enabled: bool
    time_zone: str
    cron: str
    last: datetime | None
    next: list[datetime]


class ScheduleDocument(Document):
    """When a source is backed up by itself: cron expressions in a time zone, and moments in UTC."""

    source: str
    enabled: bool
    time_zone: str
    crons: dict[str, str]
    last: datetime | None
    next: list[SlotDocument]
    drill: DrillTimesDocument | None = None
    """None where its backups are nothing that a drill can restore."""


class CheckDocument(BaseModel):
    """One part of what the process needs: its work goes on without one that is a warning."""

    status: Health


class HealthDocument(BaseModel):
    """Whether the process can do its work, and each part of what it needs; the version is for known callers."""

    status: Health
    version: str | None = None
    checks: dict[str, CheckDocument] | None = None
