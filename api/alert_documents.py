"""What the API takes and gives about alerts, silences and channels."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from api.bodies import SignedBody
from api.documents import Document
from strongroom.alerts.acting import AlertStory
from strongroom.alerts.silences import LONGEST, SilenceRequest
from strongroom.catalog.alert_messages import DeliveryState
from strongroom.catalog.alerts import Alert, AlertState, AlertType, NoticeReason, Severity

Reason = Annotated[str, Field(min_length=1, max_length=500)]


class AlertDocument(Document):
    """One alert; `backupId`, `timestamp` and `resolved` say the same as fields of ours, in older words."""

    id: uuid.UUID
    type: AlertType
    severity: Severity
    state: AlertState
    cause: str
    source: str | None
    region: str | None
    policy: str | None
    backup_id: uuid.UUID | None
    job_id: uuid.UUID | None
    trace_id: str | None
    message: str
    next_step: str
    opened_at: datetime
    since: datetime
    last_seen: datetime
    count: int
    reopened: int
    flapping: bool
    suppressed_by: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    backupId: uuid.UUID | None  # noqa: N815 - the requirement's spelling
    timestamp: datetime
    resolved: bool

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """Show an alert."""
        ours = {name: getattr(alert, name) for name in cls.model_fields if hasattr(alert, name)}
        old = {"backupId": alert.backup_id, "timestamp": alert.opened_at}
        return cls(**ours, **old, resolved=alert.state is AlertState.RESOLVED)


class AlertPage(Document):
    """Some alerts; `next_cursor` asks for those after them and is null at the end."""

    items: list[AlertDocument]
    next_cursor: str | None


class AlertEventDocument(Document):
    """Something that happened to an alert, and who did it."""

    at: datetime
    what: str
    actor: str
    detail: str | None


class DeliveryDocument(Document):
    """One message to one channel; its text stays inside."""

    id: uuid.UUID
    alert_id: uuid.UUID | None
    channel: str
    reason: NoticeReason
    state: DeliveryState
    attempts: int
    due_at: datetime
    last_error: str | None
    stands_in_for: str | None
    created_at: datetime
    finished_at: datetime | None


class AlertStoryDocument(AlertDocument):
    """An alert with all that happened to it and all that was said about it."""

    events: list[AlertEventDocument]
    deliveries: list[DeliveryDocument]

    @classmethod
    def telling(cls, story: AlertStory) -> Self:
        """Show an alert and its story."""
        return cls(
            **AlertDocument.of(story.alert).model_dump(),
            events=[AlertEventDocument.model_validate(event) for event in story.events],
            deliveries=[DeliveryDocument.model_validate(delivery) for delivery in story.deliveries],
        )


class ResolveBody(SignedBody):
    """Somebody ends an alert."""

    note: Reason


class SilenceBody(SignedBody):
    """Somebody wishes not to hear of some alerts for a time."""

    matcher: dict[str, Annotated[str, Field(min_length=1, max_length=120)]] = Field(
        description="Field to pattern with * and ?: type, severity, cause, source, region, policy, id."
    )
    reason: Reason
    seconds: int = Field(ge=1, le=int(LONGEST.total_seconds()))

    def as_request(self, by: str) -> SilenceRequest:
        """Return the wish of somebody as the use case takes it."""
        return SilenceRequest(self.matcher, self.reason, float(self.seconds), by)


class SilenceDocument(Document):
    """A silence in force."""

    id: uuid.UUID
    matcher: dict[str, str]
    reason: str
    created_by: str
    created_at: datetime
    ends_at: datetime
    ended_by: str | None


class ChannelDocument(Document):
    """A channel and how it has done lately."""

    name: str
    kind: str
    min_severity: str
    after_minutes: int
    succeeded_at: datetime | None
    failed_at: datetime | None
    failures: int
    last_error: str | None
    waiting: int
    dead: int


class ChannelTestDocument(Document):
    """Whether a channel took a test."""

    channel: str
    kind: str
    taken: bool
    error: str | None
    next_step: str | None
