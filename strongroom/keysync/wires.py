"""What saying something to a peer takes: a way to it, a secret, and who we are."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from strongroom.clock import Clock, RandomBytes
from strongroom.keysync.derivation import Direction
from strongroom.keysync.keeping import Keeper, Psk
from strongroom.keysync.messages import CapabilityExchange, KeyVerdict, Sign
from strongroom.keysync.wire_errors import PeerAnswerError, PeerBusyError, PeerRefusedError, PeerUnreachableError

BUSY = 503
TAKEN = frozenset({200, 409})
NOTHING_KEPT = frozenset({400, 401, 403, 404, 405, 413})


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What came back."""

    status: int
    body: bytes


class Wire(Protocol):
    """The way to one peer; safe between threads."""

    def post(self, body: bytes, timeout_seconds: float) -> WireAnswer:
        """Send a message and return the answer; raises PeerUnreachableError, after which its fate is unknown."""


class Ways(Protocol):
    """The ways to all peers."""

    def __call__(self, system_id: str) -> Wire:
        """Return the way to a peer; raises UnknownPeerError."""

    def close(self) -> None:
        """Close what is open."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who we are, and what speaking takes."""

    ours: CapabilityExchange
    keeper: Keeper
    clock: Clock
    random: RandomBytes


@dataclass(frozen=True, slots=True)
class Line:
    """The way to a peer for one exchange; `until` is a reading of the monotonic clock."""

    peer: str
    psk: Psk
    wire: Wire
    until: float


@dataclass(frozen=True, slots=True)
class Ack:
    """A proven answer: what became of each key, in their order, and who answered.

    `offset` is how far the peer's clock is ahead of ours, give or take the round trip.
    """

    verdicts: tuple[KeyVerdict, ...]
    sign: Sign
    offset: timedelta
    round_trip: timedelta


def way_to(speaker: Speaker, line: Line) -> Direction:
    """Return the direction of what we say."""
    return Direction(speaker.ours.local_id, line.peer)


def post(speaker: Speaker, line: Line, body: bytes) -> WireAnswer:
    """Send a body in the time that is left; raises PeerUnreachableError, PeerRefusedError or PeerAnswerError."""
    left = line.until - speaker.clock.monotonic()
    if left <= 0:
        raise PeerUnreachableError(f"There is no time left for {line.peer}.", next_step="Send the same again.")
    answer = line.wire.post(body, left)
    if answer.status in TAKEN:
        return answer
    if answer.status in NOTHING_KEPT:
        raise refusal(line.peer, answer.status)
    if answer.status == BUSY:
        raise PeerBusyError(f"The peer {line.peer} can take nothing now.", next_step="Send the same again.")
    raise unproven(line.peer, f"status {answer.status}")


def unproven(peer: str, why: str) -> PeerAnswerError:
    """Return the error for an answer that proves nothing."""
    return PeerAnswerError(f"The answer of the peer {peer} proves nothing ({why}).", next_step="Send the same again.")


def refusal(peer: str, status: int) -> PeerRefusedError:
    """Return the error for a message that a peer did not take."""
    return PeerRefusedError(
        f"The peer {peer} refused a message ({status}).",
        next_step="Its log has a line `skip.refused` with the reason; compare ids, clocks and secrets.",
    )
