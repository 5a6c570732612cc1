"""How patient the ledger is, and how long it waits between attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from strongroom.clock import RandomBytes
from strongroom.jobs.kinds import JobKind


@dataclass(frozen=True, slots=True)
class LedgerPolicy:
    """Limits and intervals; all times are seconds."""

    lease_seconds: float = 60.0
    max_errors: int = 5
    """A job that fails this often with passing faults has failed."""
    max_crashes: int = 3
    """A job whose worker vanished this often is dead: it probably is what kills the workers."""
    retry_base_seconds: float = 15.0
    retry_cap_seconds: float = 900.0
    republish_base_seconds: float = 60.0
    republish_cap_seconds: float = 3600.0
    look_seconds: float = 2.0
    """How often a holder looks whether somebody wants its job to stop."""
    deadlines: Mapping[JobKind, float] = field(default_factory=dict)
    """Within how many seconds a job of a kind has to be over, where its request does not say."""
    expected_seconds: Mapping[str, float] = field(default_factory=dict)
    """How long a backup of a source should take; over twice that is an alert."""

    @property
    def renew_seconds(self) -> float:
        """Return how often a lease is renewed."""
        return self.lease_seconds / 4

    @property
    def trust_seconds(self) -> float:
        """Return how long after asking for a lease its holder may still act on it, by its own clock."""
        return self.lease_seconds * 0.8

    def retry_delay(self, errors: int, random: RandomBytes, *, at_most: float | None = None) -> float:
        """Return a wait before the next attempt, evenly from nought to a bound that doubles with every error."""
        bound = min(self.retry_cap_seconds, self.retry_base_seconds * 2.0 ** min(errors - 1, 32))
        bound = bound if at_most is None else min(bound, at_most)
        return bound * int.from_bytes(random(4), "big") / 2**32

    def republish_delay(self, publish_count: int) -> float:
        """Return how long a message handed over for the `publish_count`th time may stay unanswered."""
        return min(self.republish_cap_seconds, self.republish_base_seconds * 2.0 ** min(publish_count - 1, 32))
