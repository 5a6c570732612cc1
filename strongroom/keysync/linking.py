"""What keeping keys needs from the line to a peer."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from strongroom.keysync.messages import Heartbeat, KeyItem, KeyVerdict, Sign


class Acked(Protocol):
    """A proven answer: what became of each key, who answered, and how far and how long away that is."""

    @property
    def verdicts(self) -> Sequence[KeyVerdict]:
        """One for each key; `stored` and `duplicate` only where the peer proved that it holds the same bytes."""

    @property
    def sign(self) -> Sign:
        """The peer's, at its own time."""

    @property
    def offset(self) -> timedelta:
        """How far its clock is ahead of ours."""

    @property
    def round_trip(self) -> timedelta:
        """How long the answer took."""


class Link(Protocol):
    """Speaks to peers, each named by its system id; safe to share between threads.

    Every message has an id of its own. After `within` seconds the outcome counts as unknown, which raises as other
    faults do: the peer may hold the keys then.
    """

    def push(self, peer: str, items: Sequence[KeyItem], within: float) -> Acked:
        """Give a peer keys that it shall be able to serve."""

    def heartbeat(self, peer: str, heartbeat: Heartbeat, psk_id: str | None = None, within: float = 3.0) -> Acked:
        """Send a sign of life; under the secret of this id instead of the current one."""

    def exchange(self, peer: str, within: float) -> Acked:
        """Tell a peer what this provider is and can do, and note what it answers of itself."""

    def void(self, peer: str, key_ids: Sequence[str] | None, within: float) -> None:
        """Tell a peer which of our keys, or that all of them, are never to be given out."""
