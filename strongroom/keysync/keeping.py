"""What the protocol needs from whoever keeps keys, secrets and what is known of peers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NoReturn, Protocol

from strongroom.keysync.messages import CapabilityExchange, Heartbeat, KeyItem, KeyVerdict, Sign


class PskState(StrEnum):
    """Where a shared secret is in its life: installed, sent with, or accepted for a while yet."""

    NEXT = "next"
    CURRENT = "current"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class Psk:
    """A secret that two providers share; at least 32 random bytes for profile v2."""

    psk_id: str
    state: PskState
    secret: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("A shared secret is never pickled.")


@dataclass(frozen=True, slots=True)
class Epoch:
    """Fresh keys that two providers have agreed on; both may send under it. `secret` has 32 bytes.

    `first_seq` is our `seq` to the peer when it was agreed: so many messages were sent before.
    """

    peer: str
    number: int
    secret: bytes = field(repr=False)
    psk_id: str
    agreed_at: datetime
    first_seq: int

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("The secret of an epoch is never pickled.")


class Hearing(StrEnum):
    """What a message says of its sender's life."""

    KNOWN = "known"
    REBORN = "reborn"
    """Its keys were lost or restored: unspent halves of the pair were voided."""
    STALE = "stale"
    """It says nothing: its incarnation or its secret has ended, or it is a heartbeat that is not newer than the last.

    Other messages do not have to come in order, and so neither move nor are measured by the `seq` of heartbeats.
    """


class Keeper(Protocol):
    """Keeps what outlives a process; any number of processes share it.

    Each call is one transaction that is committed when it returns. Raises UnavailableError where the database is away.
    """

    def boot(self) -> int:
        """Return our own incarnation: 63 random bits."""

    def next_seq(self, peer: str) -> int:
        """Return the number of our next message to a peer; it only grows, whichever process asks."""

    def psks(self, peer: str) -> Sequence[Psk]:
        """Return the secrets shared with a peer; none where it is unknown or was revoked."""

    def heard(self, sign: Sign, heartbeat: Heartbeat | None, now: datetime) -> Hearing:
        """Note a sign of life; a new incarnation voids what is unspent of the pair."""

    def accept(self, sign: Sign, items: Sequence[KeyItem], now: datetime) -> Sequence[KeyVerdict]:
        """Keep keys of a peer, one verdict for each and in their order; a key that is kept can be served at once.

        Notes the sign of life as `heard` does, in the same transaction. All keys of a stale sign are refused. An id
        that is known with other content opens an alert and changes nothing. Raises MessageRefusedError, and opens an
        alert, where the peer has more here than is kept of one.
        """

    def void(self, sign: Sign, key_ids: Sequence[str] | None, now: datetime) -> int:
        """Void a peer's keys by id, or all that are unspent, and say how many; unknown ids leave a tombstone.

        Raises MessageRefusedError where the sign is stale, or not newer than the last one that voided all and this one
        would too; and as `accept`.
        """

    def capabilities(self, sign: Sign, told: CapabilityExchange, now: datetime) -> None:
        """Note what a peer says it is and can do."""

    def told(self, peer: str) -> CapabilityExchange | None:
        """Return what a peer has said last of what it can do."""

    def find_epoch(self, peer: str, number: int) -> Epoch | None:
        """Return an epoch that has not been erased."""

    def newest_epoch(self, peer: str) -> Epoch | None:
        """Return the epoch that was agreed last."""

    def store_epoch(self, epoch: Epoch) -> None:
        """Keep an epoch, and erase all of the pair but the newest five."""
