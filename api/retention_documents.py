"""What routes about retention and holds take and give."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from api.bodies import Name, SignedBody
from api.documents import Document

Why = Annotated[str, Field(min_length=3, max_length=500)]
Confirm = Annotated[str | None, Field(max_length=63, description="The name of the source, to say that it is meant.")]


class SweepBody(SignedBody):
    """A run; without `apply` it only reports. A larger share than configured is for one source, and confirmed."""

    apply: bool = False
    source: Name | None = None
    max_share_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    confirm: Confirm = None


class ApprovalBody(SignedBody):
    """A shorter policy that may hold for a source from now on."""

    source: Name
    confirm: Confirm = None


class RetirementBody(SignedBody):
    """A backup, an id or `latest:SOURCE`, that is to go before its policy lets it."""

    backup: Annotated[str, Field(min_length=1, max_length=100)]
    confirm: Confirm = None
    reason: Why = "retired by an operator"


class HoldBody(SignedBody):
    """A hold on one backup (an id or `latest:SOURCE`) or on everything of a source."""

    backup: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    source: Name | None = None
    reason: Why
    until: AwareDatetime | None = None


class ReleaseBody(SignedBody):
    """The end of a hold."""

    reason: Why
    confirm: Confirm = None


class HoldDocument(Document):
    """A hold; `backup_id` is null where it is on everything of the source."""

    id: uuid.UUID
    source: str
    backup_id: uuid.UUID | None
    reason: str
    placed_by: str
    placed_at: datetime
    until: datetime | None
    released_by: str | None
    released_at: datetime | None
    release_reason: str | None


class RetentionEventDocument(Document):
    """Who changed what is kept, when and why."""

    id: uuid.UUID
    at: datetime
    actor: str
    action: str
    source: str
    backup_id: uuid.UUID | None
    detail: dict[str, Any]


class RetentionPlanDocument(Document):
    """What is to become of the backups of a source, newest first; `trouble` waits for somebody's decision."""

    source: str
    policy: str
    terms: dict[str, int] | None
    agreed: dict[str, int] | None
    kept: int
    expired: int
    blocked: int
    trouble: dict[str, str] | None
    backups: list[dict[str, Any]]


class RetentionPlansDocument(Document):
    """The plan of every source that has backups."""

    items: list[RetentionPlanDocument]


class ExpiryDocument(Document):
    """How far the end of a backup has come, region by region; `receipt` is the signed record."""

    backup: uuid.UUID
    source: str
    policy: str
    cause: str
    reason: str
    decided_by: str
    decided_at: datetime
    finished_at: datetime | None
    regions: list[dict[str, Any]]
    receipt: str | None


class ExpiriesDocument(Document):
    """A page of expiries."""

    items: list[ExpiryDocument]
    next_cursor: str | None
