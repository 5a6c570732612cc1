"""What routes about whole regions, repairs and keys take and give."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.bodies import Body, Name
from api.documents import Deadline, Document
from strongroom.catalog.region_verifications import RegionLevel


class CollectionBody(Body):
    """A look for garbage in one region; with `apply` it is deleted, up to `max_share_percent` of the packs."""

    region: Name
    apply: bool = False
    max_share_percent: Annotated[int, Field(ge=0, le=100)] | None = None


class RegionVerificationBody(Body):
    """A check of everything a region should hold."""

    region: Name
    level: RegionLevel = RegionLevel.PRESENCE
    deadline_seconds: Deadline = None


class RepairBody(Body):
    """A repair of one region's copy of a backup, an id or `latest:SOURCE`; without `apply` damage is only reported."""

    backup: Annotated[str, Field(min_length=1, max_length=100)]
    region: Name
    apply: bool = False


class RotationBody(Body):
    """A move of a region's key slots to the current version of its key; the old slots stay."""

    region: Name


class RegionVerificationDocument(Document):
    """A check of a whole region; `passed` is null until its job has ended."""

    id: uuid.UUID
    region: str
    level: RegionLevel
    created_at: datetime
    finished_at: datetime | None
    passed: bool | None
    evidence: str | None
    backups: int
    objects: int
    bytes: int
    damaged_backups: int
    damage: list[dict[str, str]]
