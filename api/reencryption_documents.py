"""What routes about re-encryption take and give."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from api.bodies import Body, Name
from api.documents import Document
from strongroom.catalog.reencryption import ReencryptionJob, ReencryptionState
from strongroom.columns.place import Binding, TokenFormat
from strongroom.rotation.pace import Pace
from strongroom.rotation.status import ReencryptionStatus
from strongroom.rotation.wishing import TargetWish

USUAL = Pace()
Identifier = Annotated[str, Field(min_length=1, max_length=128)]
Rows = Annotated[int, Field(ge=1, le=20_000)]


class ReencryptionBody(Body):
    """A column to bring to the active key: a table of a database that the settings name."""

    table: Annotated[str, Field(min_length=1, max_length=257, description="`table` or `schema.table`.")]
    column: Identifier
    keys: list[Identifier] = Field(default_factory=list, max_length=16)
    database: Name | None = None
    app: Annotated[str, Field(max_length=128)] | None = None
    format: TokenFormat | None = None
    binding: Binding | None = None
    dry_run: bool = False
    batch_size: Rows = USUAL.batch_size
    commit_every: Rows = USUAL.commit_every
    parallel: Annotated[int, Field(ge=1, le=64)] = USUAL.parallel
    max_rows: Annotated[int, Field(ge=1)] | None = Field(None, alias="max_rate")
    max_lag_seconds: Annotated[float, Field(ge=0)] = USUAL.max_lag_seconds
    vacuum_percent: Annotated[int, Field(ge=0, le=100)] = USUAL.vacuum_percent
    yields: bool = USUAL.yields

    def wish(self) -> TargetWish:
        """Return the column that is meant."""
        return TargetWish(
            self.column, None, self.table, tuple(self.keys), self.database, self.app, self.format, self.binding
        )

    def pace(self) -> Pace:
        """Return how fast it is to go."""
        return Pace.asked(self.model_dump())


class ReencryptionDocument(Document):
    """A re-encryption, how far it is, its speed in rows a second and the seconds that are left, null while unknown."""

    id: int
    state: ReencryptionState
    place: str
    model: str | None
    target_version: str
    dry_run: bool
    total_rows: int
    processed: int
    skipped: int
    changed: int
    errors: int
    ranges: int
    ranges_done: int
    rows_per_second: float | None
    seconds_left: float | None
    rows_by_version: dict[str, int] | None
    last_error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, job: ReencryptionJob, status: ReencryptionStatus) -> Self:
        """Show a re-encryption as it stands."""
        own = {name: getattr(job, name) for name in cls.model_fields if hasattr(job, name)}
        return cls.model_validate({**own, **asdict(status)})


class QuarantinedRowDocument(Document):
    """A row that was left as it is: its key, the version its token names, the token's SHA-256, and why."""

    place: str
    key: list[Any]
    version: str | None
    token_sha256: str
    reason: str
    seen_at: datetime
