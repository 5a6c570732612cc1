"""Wire profile v1, for peers that speak nothing else: HMAC-SHA256 over sorted JSON, keys in Fernet tokens.

A message has the members message_id, sender_id, receiver_id, message_type, timestamp (seconds, a float), payload and
signature. What is signed is the JSON of all of it with signature null, members sorted at every level, `", "` and
`": "` between them, in ASCII; the signature is the HMAC in lower-case hex, its key the shared secret as it is.

key_sync carries one key: key_id, key_data (base64 of a Fernet token over the key in hex), remote_system_id (who made
the key), key_size (bits), created_at and expires_at (seconds). Fernet is AES-128: a key is no stronger than that here.
"""

import hmac
import json
import math
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.keysync.derivation import Direction, mac_of
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.messages import (
    CapabilityExchange,
    Heartbeat,
    KeyItem,
    KeySync,
    Message,
    MessageType,
    Profile,
)
from strongroom.keysync.payloads import from_base64
from strongroom.keysync.refusals import MessageRefusedError, Reason

LARGEST_MESSAGE = 16 << 10
MEMBERS = frozenset({"message_id", "sender_id", "receiver_id", "message_type", "timestamp", "payload", "signature"})
KEY_MEMBERS = frozenset({"key_id", "key_data", "remote_system_id", "key_size", "created_at", "expires_at"})
TYPES = frozenset({MessageType.HEARTBEAT, MessageType.KEY_SYNC, MessageType.CAPABILITY_EXCHANGE})
_FERNET_SALT = b"skip-sync/v1"
_MESSAGE_ID = re.compile(r"[0-9A-Za-z-]{16,64}")
_KEY_ID = re.compile(r"(?:[0-9a-fA-F]{2}){8,64}")
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class VerifiedV1:
    """A message whose signature is right; a key in it is still closed."""

    message_id: str
    sender: str
    receiver: str
    type: str
    sent_at: datetime
    psk: Psk
    payload: dict[str, Any] = field(repr=False)

    def open(self) -> Message:
        """Return the message; raises MessageRefusedError."""
        if self.type == MessageType.HEARTBEAT:
            return Heartbeat(str(self.payload.get("status", ""))[:32])
        if self.type == MessageType.CAPABILITY_EXCHANGE:
            return _capabilities(self.sender, self.payload)
        return KeySync((self._key(),))

    def _key(self) -> KeyItem:
        payload = self.payload
        if payload.keys() != KEY_MEMBERS or payload["remote_system_id"] != self.sender:
            raise MessageRefusedError(Reason.CONTENT)
        if not all(isinstance(payload[name], str) for name in ("key_id", "key_data")):
            raise MessageRefusedError(Reason.CONTENT)
        if not _KEY_ID.fullmatch(payload["key_id"]):
            raise MessageRefusedError(Reason.CONTENT)
        times = moment_of(payload["created_at"]), moment_of(payload["expires_at"])
        key = _open_token(self.psk, Direction(self.sender, self.receiver), payload["key_data"])
        if type(payload["key_size"]) is not int or payload["key_size"] != len(key) * 8:
            raise MessageRefusedError(Reason.CONTENT)
        return KeyItem(payload["key_id"].lower(), key, payload["key_size"], *times, self.sender)


def seal(message: Message, way: Direction, message_id: str, now: datetime, psk: Psk) -> bytes:
    """Return the body of a request; a message that profile v1 does not know raises ValueError, and so do many keys."""
    envelope: dict[str, Any] = {
        "message_id": message_id,
        "sender_id": way.sender,
        "receiver_id": way.receiver,
        "message_type": _type_of(message).value,
        "timestamp": now.timestamp(),
        "payload": _payload_of(message, way, psk),
    }
    return json.dumps(envelope | {"signature": sign(envelope, psk.secret)}).encode()


def sign(envelope: dict[str, Any], secret: bytes) -> str:
    """Return the signature that belongs to an envelope."""
    text = json.dumps(envelope | {"signature": None}, sort_keys=True)
    return mac_of(secret, text.encode()).hex()


def verify(envelope: dict[str, Any], psks: Iterable[Psk], peer: str) -> VerifiedV1:
    """Check who sent a message and its signature, by two secrets at most; raises MessageRefusedError."""
    if envelope.keys() != MEMBERS or not isinstance(envelope["payload"], dict):
        raise MessageRefusedError(Reason.MALFORMED)
    texts = [envelope[name] for name in ("message_id", "sender_id", "receiver_id", "message_type", "signature")]
    if not all(isinstance(text, str) and text.isascii() for text in texts):
        raise MessageRefusedError(Reason.MALFORMED)
    message_id, sender, receiver, kind, shown = texts
    if sender != peer:
        raise MessageRefusedError(Reason.SENDER)
    try:
        psk = _signer(envelope, shown, psks)
    except RecursionError:
        # What was shallow enough to be read may be too deep to be written.
        raise MessageRefusedError(Reason.MALFORMED) from None
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MessageRefusedError(Reason.MALFORMED)
    return VerifiedV1(message_id, sender, receiver, kind, moment_of(envelope["timestamp"]), psk, envelope["payload"])


def moment_of(seconds: object) -> datetime:
    """Read a time; raises MessageRefusedError."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not math.isfinite(seconds):
        raise MessageRefusedError(Reason.MALFORMED)
    if not 0 <= seconds <= _LAST_SECOND:
        raise MessageRefusedError(Reason.MALFORMED)
    return datetime.fromtimestamp(seconds, UTC)


def fernet_of(psk: Psk, way: Direction) -> Fernet:
    """Return the cipher of a pair: never from ids alone, and the same in both directions."""
    info = f"fernet|{'|'.join(sorted((way.sender, way.receiver)))}"
    made = HKDF(SHA256(), 32, salt=_FERNET_SALT, info=info.encode()).derive(psk.secret)
    return Fernet(urlsafe_b64encode(made))


def _signer(envelope: dict[str, Any], shown: str, psks: Iterable[Psk]) -> Psk:
    # There is no field that names the secret. The current one first; beside it there is one other at most.
    for psk in sorted(psks, key=lambda psk: psk.state is not PskState.CURRENT)[:2]:
        if hmac.compare_digest(sign(envelope, psk.secret), shown):
            return psk
    raise MessageRefusedError(Reason.MAC)


def _open_token(psk: Psk, way: Direction, key_data: str) -> bytes:
    try:
        text = fernet_of(psk, way).decrypt(from_base64(key_data)).decode("ascii")
        if text != text.strip() or any(character.isspace() for character in text):
            raise MessageRefusedError(Reason.CONTENT)
        return bytes.fromhex(text)
    except InvalidToken:
        raise MessageRefusedError(Reason.CIPHERTEXT) from None
    except ValueError:
        raise MessageRefusedError(Reason.CONTENT) from None


def _type_of(message: Message) -> MessageType:
    if isinstance(message, Heartbeat):
        return MessageType.HEARTBEAT
    if isinstance(message, CapabilityExchange):
        return MessageType.CAPABILITY_EXCHANGE
    if isinstance(message, KeySync) and len(message.keys) == 1:
        return MessageType.KEY_SYNC
    raise ValueError("profile v1 has no such message")


def _payload_of(message: Message, way: Direction, psk: Psk) -> dict[str, Any]:
    if isinstance(message, Heartbeat):
        return {"status": message.status}
    if isinstance(message, CapabilityExchange):
        return {
            "entropy": True,
            "key": True,
            "algorithm": message.algorithm,
            "localSystemID": message.local_id,
            "remoteSystemID": list(message.remote_ids),
            "profiles": [profile.value for profile in message.profiles],
        }
    (item,) = message.keys if isinstance(message, KeySync) else ()
    return {
        "key_id": item.key_id,
        "key_data": b64encode(fernet_of(psk, way).encrypt(item.key.hex().encode())).decode(),
        "remote_system_id": item.initiator,
        "key_size": item.size_bits,
        "created_at": item.created_at.timestamp(),
        "expires_at": item.expires_at.timestamp(),
    }


def _capabilities(sender: str, payload: dict[str, Any]) -> CapabilityExchange:
    remotes, profiles = payload.get("remoteSystemID", []), payload.get("profiles", [])
    if not isinstance(remotes, list) or not isinstance(profiles, list) or len(remotes) > 256:
        raise MessageRefusedError(Reason.CONTENT)
    if payload.get("localSystemID", sender) != sender:
        raise MessageRefusedError(Reason.CONTENT)
    known = tuple(profile for profile in Profile if profile.value in profiles) or (Profile.V1,)
    return CapabilityExchange(
        sender, tuple(str(remote)[:64] for remote in remotes), str(payload.get("algorithm", ""))[:64], known
    )
