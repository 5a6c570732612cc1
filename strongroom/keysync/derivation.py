"""Keys from the secret that two providers share: each has one purpose and one direction (HKDF-SHA256, RFC 5869)."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from strongroom.keysync.wire_errors import WeakSecretError

SHORTEST_SECRET = 32
"""Bytes of a shared secret in profile v2."""

KCV_LENGTH = 16
_SALT = b"strongroom skip-sync v2"
_EPOCH_SALT = b"strongroom skip-sync v2 epoch"
_MESSAGE_LABEL = b"message"


class Purpose(StrEnum):
    """What a key is for."""

    MAC = "mac"
    ENCRYPTION = "enc"
    ACK_MAC = "ack mac"
    ACK_ENCRYPTION = "ack enc"
    KEY_CHECK = "kcv"


@dataclass(frozen=True, slots=True)
class Direction:
    """From whom to whom; turned round it leads to other keys, so that no message can be sent back to its author."""

    sender: str
    receiver: str

    def turned(self) -> "Direction":
        """Return the way back."""
        return Direction(self.receiver, self.sender)


@dataclass(frozen=True, slots=True)
class MessageKey:
    """An AES-256-GCM key and nonce for one message only."""

    key: bytes = field(repr=False)
    nonce: bytes


def derive_key(secret: bytes, purpose: Purpose, direction: Direction) -> bytes:
    """Derive 32 bytes from a shared secret; raises WeakSecretError.

    The info is the purpose, the sender and the receiver, each with its length before it (2 bytes, big-endian).
    """
    if len(secret) < SHORTEST_SECRET:
        raise WeakSecretError(
            f"The secret shared with a peer has {len(secret)} bytes; profile v2 takes {SHORTEST_SECRET} or more.",
            next_step="Make a new one with `strongroom peers rotate-psk`.",
        )
    info = with_lengths(purpose.value.encode(), direction.sender.encode(), direction.receiver.encode())
    return HKDF(SHA256(), 32, salt=_SALT, info=info).derive(secret)


def derive_from_epoch(secret: bytes, direction: Direction) -> bytes:
    """Derive the encryption key of one direction from the secret of an epoch."""
    info = with_lengths(Purpose.ENCRYPTION.value.encode(), direction.sender.encode(), direction.receiver.encode())
    return HKDFExpand(SHA256(), 32, info=info).derive(secret)


def derive_message_key(base: bytes, message_id: str) -> MessageKey:
    """Derive key and nonce of one message from the key of its direction, so that no nonce is ever used twice."""
    made = HKDFExpand(SHA256(), 44, info=with_lengths(_MESSAGE_LABEL, message_id.encode())).derive(base)
    return MessageKey(made[:32], made[32:])


def mix_epoch(psk: bytes, fresh: bytes, info: bytes) -> bytes:
    """Mix a shared secret with a fresh one: whoever lacks either of them learns nothing.

    Both are hashed with their lengths, so that no byte can belong to one or the other.
    """
    return HKDF(SHA256(), 32, salt=_EPOCH_SALT, info=info).derive(with_lengths(psk, fresh))


def mac_of(key: bytes, *parts: bytes) -> bytes:
    """Return the HMAC-SHA256 over parts, joined by full stops; only the last part may contain one."""
    return hmac.digest(key, b".".join(parts), hashlib.sha256)


def check_values(secret: bytes, direction: Direction, keys: Iterable[bytes]) -> list[str]:
    """Return what proves that the sender of an ack holds exactly these keys: 16 bytes in hex for each."""
    check_key = derive_key(secret, Purpose.KEY_CHECK, direction)
    return [mac_of(check_key, key)[:KCV_LENGTH].hex() for key in keys]


def with_lengths(*parts: bytes) -> bytes:
    """Join parts so that they can be told apart: each after its length, 2 bytes big-endian."""
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)
