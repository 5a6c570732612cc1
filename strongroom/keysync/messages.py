"""What two key providers say to each other, whatever the wire profile that carries it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NoReturn


class Profile(StrEnum):
    """A wire profile; a later one is stronger."""

    V1 = "v1"
    V2 = "v2"


class MessageType(StrEnum):
    """What a message is about; the first three are all that profile v1 knows."""

    HEARTBEAT = "heartbeat"
    KEY_SYNC = "key_sync"
    CAPABILITY_EXCHANGE = "capability_exchange"
    EPOCH_REQUEST = "epoch_request"
    VOID = "void"
    ACK = "ack"


class KeyStatus(StrEnum):
    """What became of a key that a peer was sent."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """It was there already, with the same content, and can still be served."""
    CONFLICT = "conflict"
    """Its id belongs to a key with other content; nothing was changed."""
    REFUSED = "refused"
    """It cannot be served: it has expired, was given out or voided, or is not of a kind that is kept."""


@dataclass(frozen=True, slots=True)
class KeyItem:
    """A key on its way. `key_id` is lower-case hex; `initiator` is the system id of the provider that made the key."""

    key_id: str
    key: bytes = field(repr=False)
    size_bits: int
    created_at: datetime
    expires_at: datetime
    initiator: str

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, so that no key travels with a task."""
        raise TypeError("A key is never pickled.")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life; `pool` is how many keys the sender can still give out for this pair."""

    status: str = "online"
    pool: int = 0


@dataclass(frozen=True, slots=True)
class KeySync:
    """Keys that the receiver shall be able to serve."""

    keys: tuple[KeyItem, ...]


@dataclass(frozen=True, slots=True)
class CapabilityExchange:
    """What the sender is and can do; `remote_ids` are the systems it can make keys for, globs allowed."""

    local_id: str
    remote_ids: tuple[str, ...]
    algorithm: str
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class EpochRequest:
    """A wish for fresh keys: an ephemeral ML-KEM-768 and X25519 public key, of 1216 bytes."""

    public_key: bytes


@dataclass(frozen=True, slots=True)
class Void:
    """Keys that are never to be given out: of these ids, or all of the sender's that are unspent."""

    key_ids: tuple[str, ...] | None


Message = Heartbeat | KeySync | CapabilityExchange | EpochRequest | Void


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """What became of one key."""

    key_id: str
    status: KeyStatus


@dataclass(frozen=True, slots=True)
class Sign:
    """Who sent a message that was verified, and when.

    `boot` is the sender's incarnation, which changes only when its keys are lost or were restored; `seq` only grows for
    one pair and boot. Profile v1 and answers have no `seq`, and profile v1 has no `boot`. `psk_id` names the shared
    secret that the message was authenticated with.
    """

    sender: str
    profile: Profile
    psk_id: str
    sent_at: datetime
    boot: int | None = None
    seq: int | None = None
