"""Messages that were taken before are not taken again."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

MARGIN = timedelta(seconds=60)


class Claim(StrEnum):
    """Whether a message may be taken."""

    FRESH = "fresh"
    SEEN = "seen"
    BEFORE_MEMORY = "before_memory"
    """It was sent before the memory of messages began, so nobody can tell."""


class Nonces(Protocol):
    """Remembers the ids of messages, for all processes of a provider."""

    def claim(self, sender: str, message_id: str, sent_at: datetime, now: datetime) -> Claim:
        """Remember a message whose MAC is right; raises UnavailableError, and then the message must not be taken."""


def remembered_for(window: timedelta) -> timedelta:
    """Return how long an id has to be remembered: a message is acceptable from ts - window to ts + window."""
    return 2 * window + MARGIN
