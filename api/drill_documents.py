"""What routes about drills take and give."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from api.bodies import Body, Name
from api.documents import Deadline, Document
from strongroom.catalog.drills import DrillState


class DrillBody(Body):
    """A drill of a source; no backup means the newest protected one, no region one that is drawn."""

    source: Name
    backup: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    region: Name | None = None
    deadline_seconds: Deadline = None


class DrillDocument(Document):
    """A drill; `seconds` is the measured recovery time, and `report` is null until the drill is decided."""

    id: uuid.UUID
    source: str
    backup_id: uuid.UUID | None
    region: str | None
    state: DrillState
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    bytes: int
    report: dict[str, Any] | None
