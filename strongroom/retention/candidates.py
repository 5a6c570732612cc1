"""What the policy engine is told of a backup, and what it says of it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why a backup stays."""

    DAYS = "within the days of its policy"
    LAST = "one of the newest"
    HOURLY = "newest of its hour"
    DAILY = "newest of its day"
    WEEKLY = "newest of its week"
    MONTHLY = "newest of its month"
    YEARLY = "newest of its year"
    FULLS = "one of the full backups that stay"
    NEWEST = "newest that can be restored"
    PROVEN = "last that a drill has restored"
    DOUBTED = "restored by a drill before another failed, and none newer is proven"
    HELD = "held"


OF_POLICY = frozenset(
    {Reason.DAYS, Reason.LAST, Reason.HOURLY, Reason.DAILY, Reason.WEEKLY, Reason.MONTHLY, Reason.YEARLY, Reason.FULLS}
)
"""The reasons that a policy gives; the others hold whatever it says."""


class Block(StrEnum):
    """Why a backup that nothing keeps is not deleted now."""

    PINNED = "a running backup stands upon it"
    IN_USE = "a restore, verification or drill of it is under way"
    COPYING = "a backup of its source is not in all its regions yet"
    SHORTENED = "its policy was longer before; the shorter one is not approved"
    UNKNOWN_POLICY = "its policy is not in the settings"
    EVERYTHING = "the policy would leave nothing of its source"
    SHARE = "more of its source would be deleted than a run may"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One committed backup; `restorable` means that some region holds it whole."""

    id: uuid.UUID
    created_at: datetime
    full: bool
    restorable: bool
    proven: bool = False
    held: bool = False
    blocks: tuple[Block, ...] = ()
    """What the catalog knows to be in the way now: PINNED, IN_USE, COPYING."""
    doubted: bool = False
    """A drill has restored it, and the last one failed: that may be the fault of one region or of a question."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of one backup: it goes when nothing keeps it and nothing is in the way."""

    candidate: Candidate
    reasons: tuple[Reason, ...]
    blocks: tuple[Block, ...]

    @property
    def goes(self) -> bool:
        """Say whether the backup is to be deleted."""
        return not self.reasons and not self.blocks
