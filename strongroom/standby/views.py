"""What two servers say about themselves and each other, at one moment."""

from dataclasses import dataclass
from datetime import datetime

Position = int
"""A place in the write-ahead log: bytes since its beginning (an LSN)."""


@dataclass(frozen=True, slots=True)
class SlotView:
    """A replication slot on the primary; `held_back` is the WAL in bytes that is kept for it, None once it is lost."""

    name: str
    active: bool
    wal_status: str
    held_back: int | None


@dataclass(frozen=True, slots=True)
class PrimaryView:
    """The primary; position and timeline are None while it is in recovery, and so not a primary."""

    system: int
    at: datetime
    sees_all: bool
    position: Position | None
    timeline: int | None
    slot: SlotView | None


@dataclass(frozen=True, slots=True)
class StandbyView:
    """The standby; what only a server in recovery has is None once it is promoted.

    `timeline` is that of the WAL it receives, or else of its last restart point. `replayed_at` is when, by the clock of
    the primary, the last transaction that it replayed was committed.
    """

    system: int
    in_recovery: bool
    sees_all: bool
    streaming: bool
    timeline: int
    slot_name: str | None
    received: Position | None
    replayed: Position | None
    replayed_at: datetime | None
    paused: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """Both servers, or why one did not answer.

    `caught_up_seconds` is how long the standby took to replay what the primary had when it was asked, None where it did
    not while it was watched.
    """

    at: datetime
    primary: PrimaryView | None = None
    standby: StandbyView | None = None
    primary_fault: str = ""
    standby_fault: str = ""
    caught_up_seconds: float | None = None

    @property
    def lag_bytes(self) -> int | None:
        """Return the WAL that the standby has yet to replay; None where one of the two cannot tell."""
        if self.primary is None or self.standby is None:
            return None
        if self.primary.position is None or self.standby.replayed is None:
            return None
        return max(0, self.primary.position - self.standby.replayed)
