"""Refused messages: why, in the log and in counters, and never to the one who sent them."""

import logging
from collections import Counter
from enum import StrEnum
from threading import Lock

from strongroom.errors import NotAllowedError

log = logging.getLogger(__name__)

UNPROVEN = "unproven"
"""Stands in the log for the id of a message that is not known to be the peer's."""


class Reason(StrEnum):
    """Why a message was refused; for the log and the counters, never for the one who sent it."""

    SIZE = "size"
    UNKNOWN_PEER = "unknown_peer"
    SLOW = "slow"
    MALFORMED = "malformed"
    PROFILE = "profile"
    SENDER = "sender"
    MAC = "mac"
    RECEIVER = "receiver"
    TYPE = "type"
    CLOCK = "clock"
    REPLAY = "replay"
    FLOOR = "floor"
    EPOCH = "epoch"
    CIPHERTEXT = "ciphertext"
    CONTENT = "content"
    STALE = "stale"
    FULL = "full"
    FAILED = "failed"
    """What nobody thought of; answered as unavailable."""


class MessageRefusedError(NotAllowedError):
    """A message of a peer was not taken, and nothing of it was kept."""

    code = "keysync.message_refused"

    def __init__(self, reason: Reason, what: str = "") -> None:
        super().__init__(f"A message was refused: {reason.value}.", next_step=what or "See docs/skip-wire.md.")
        self.reason = reason


class Refusals:
    """Counts refused messages by reason, for one process, and writes an audit line for each; safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[Reason] = Counter()

    def note(self, reason: Reason, peer: str | None, message_id: str = UNPROVEN) -> None:
        """Count a refusal; `peer` is who is at the other end of the connection, as far as its certificate says.

        `message_id` is given only where the message was proven to be the peer's.
        """
        with self._lock:
            self._counts[reason] += 1
            count = self._counts[reason]
        log.warning("skip.refused reason=%s count=%d peer=%s message=%s", reason.value, count, peer or "-", message_id)

    def counts(self) -> dict[str, int]:
        """Return how many messages were refused for each reason since the process began."""
        with self._lock:
            return {reason.value: self._counts[reason] for reason in Reason}
