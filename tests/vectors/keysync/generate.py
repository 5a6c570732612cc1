"""Writes vectors of the wire profiles beside this file: those that are not there, for what is there is frozen.

`python -m tests.vectors.keysync.generate` from the project's root. Signature and tokens of profile v1 come from its
description, in profile-v1.json.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from strongroom.keysync import envelope_v1, envelope_v2, epochs
from strongroom.keysync.acks import Responder, key_rows, seal_ack
from strongroom.keysync.derivation import Direction, Purpose, derive_from_epoch, derive_key, derive_message_key
from strongroom.keysync.envelope_v2 import ALGORITHM, Header
from strongroom.keysync.epochs import EphemeralKey, MLKEM768X25519PrivateKey
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.messages import (
    CapabilityExchange,
    EpochRequest,
    Heartbeat,
    KeyItem,
    KeyStatus,
    KeySync,
    KeyVerdict,
    Message,
    Profile,
    Void,
)
from strongroom.keysync.payloads import (
    AckBody,
    EpochBody,
    encode,
    encode_capabilities,
    to_base64,
    to_milliseconds,
    type_of,
)

FILE = Path(__file__).with_name("profile-v2.json")
MESSAGES = FILE.with_name("profile-v2-messages.json")
MESSAGES_V1 = FILE.with_name("profile-v1-messages.json")
WAY = Direction("KP-A", "KP-B")
PSK = Psk("psk-1", PskState.CURRENT, bytes(range(32)))
AT = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
MESSAGE_ID = "000102030405060708090a0b0c0d0e0f"
ITEMS = tuple(KeyItem(f"{n:032x}", bytes([n]) * 32, 256, AT, AT + timedelta(hours=1), "KP-A") for n in range(1, 21))


def requester_key() -> EphemeralKey:
    """Return an ephemeral key that is always the same."""
    mlkem = MLKEM768PrivateKey.from_seed_bytes(bytes(range(64)))
    x25519 = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    return EphemeralKey(MLKEM768X25519PrivateKey(mlkem, x25519), public)


def header(kind: str, epoch: int) -> Header:
    """Return the header of a message from KP-A."""
    return Header(
        v=2,
        alg=ALGORITHM,
        psk=PSK.psk_id,
        epoch=epoch,
        sender=WAY.sender,
        receiver=WAY.receiver,
        type=kind,
        msg_id=MESSAGE_ID,
        boot=1,
        seq=2,
        ts=to_milliseconds(AT),
    )


def counting(length: int) -> bytes:
    """Stand in for randomness."""
    return bytes(range(length))


def generate() -> dict[str, Any]:
    """Make every vector."""
    base, mac_key = (derive_key(PSK.secret, purpose, WAY) for purpose in (Purpose.ENCRYPTION, Purpose.MAC))
    own = requester_key()
    terms, epoch_secret = epochs.answer_request(WAY, own.public_key, PSK, counting)
    epoch_base = derive_from_epoch(epoch_secret, WAY)
    verdicts = [KeyVerdict(item.key_id, KeyStatus.STORED) for item in ITEMS]
    body = AckBody(MESSAGE_ID, key_rows(ITEMS, verdicts, PSK, WAY.turned()))
    made = derive_message_key(base, MESSAGE_ID)
    return {
        "derived": {purpose.value: derive_key(PSK.secret, purpose, WAY).hex() for purpose in Purpose},
        "derived_back": {purpose.value: derive_key(PSK.secret, purpose, WAY.turned()).hex() for purpose in Purpose},
        "message_key": made.key.hex(),
        "message_nonce": made.nonce.hex(),
        "heartbeat": envelope_v2.seal(header("heartbeat", 0), encode(Heartbeat("online", 5)), base, mac_key).decode(),
        "epoch": {
            "number": terms.number,
            "public_key": own.public_key.hex(),
            "sealed": terms.sealed.hex(),
            "secret": epoch_secret.hex(),
            "base": epoch_base.hex(),
        },
        "key_sync": envelope_v2.seal(
            header("key_sync", terms.number), encode(KeySync(ITEMS)), epoch_base, mac_key
        ).decode(),
        "ack": seal_ack(body, Responder(WAY.turned(), 9, AT), PSK, counting).decode(),
    }


CAPABILITIES = CapabilityExchange("KP-A", ("KP-B", "KP-[CD]*"), "CSPRNG+MLKEM768", (Profile.V1, Profile.V2))
UNDER_NO_EPOCH: dict[str, Message] = {
    "void": Void((ITEMS[0].key_id, ITEMS[1].key_id)),
    "void_all": Void(None),
    "capability_exchange": CAPABILITIES,
    "epoch_request": EpochRequest(requester_key().public_key),
}


def generate_messages() -> dict[str, Any]:
    """Make a vector of each other message of profile v2, and of the acks that carry something."""
    base, mac_key = (derive_key(PSK.secret, purpose, WAY) for purpose in (Purpose.ENCRYPTION, Purpose.MAC))
    terms, _ = epochs.answer_request(WAY, requester_key().public_key, PSK, counting)
    responder = Responder(WAY.turned(), 9, AT)
    epoch = EpochBody(terms.number, to_base64(terms.sealed))
    acks = {
        "epoch_ack": AckBody(MESSAGE_ID, epoch=epoch),
        "capability_ack": AckBody(MESSAGE_ID, capabilities=encode_capabilities(CAPABILITIES)),
        "conflict_ack": AckBody(MESSAGE_ID, [(ITEMS[0].key_id, KeyStatus.CONFLICT, "")]),
    }
    return {
        name: envelope_v2.seal(header(type_of(message).value, 0), encode(message), base, mac_key).decode()
        for name, message in UNDER_NO_EPOCH.items()
    } | {name: seal_ack(body, responder, PSK, counting).decode() for name, body in acks.items()}


def generate_v1() -> dict[str, str]:
    """Make whole messages of profile v1 from its description, with a token whose IV is zero."""
    item, at = ITEMS[0], AT.timestamp()
    fernet = envelope_v1.fernet_of(PSK, WAY)
    token = fernet._encrypt_from_parts(item.key.hex().encode(), int(at), bytes(16))
    payloads = {
        "key_sync": {
            "key_id": item.key_id,
            "key_data": b64encode(token).decode(),
            "remote_system_id": "KP-A",
            "key_size": 256,
            "created_at": at,
            "expires_at": at + 3600,
        },
        "capability_exchange": {
            "entropy": True,
            "key": True,
            "algorithm": CAPABILITIES.algorithm,
            "localSystemID": "KP-A",
            "remoteSystemID": list(CAPABILITIES.remote_ids),
            "profiles": ["v1", "v2"],
        },
    }
    return {kind: signed_v1(kind, payload) for kind, payload in payloads.items()}


def signed_v1(kind: str, payload: dict[str, Any]) -> str:
    """Return the body of a message."""
    envelope = {
        "message_id": "00000000-0000-4000-8000-000000000002",
        "sender_id": "KP-A",
        "receiver_id": "KP-B",
        "message_type": kind,
        "timestamp": AT.timestamp(),
        "payload": payload,
        "signature": None,
    }
    signature = hmac.new(PSK.secret, json.dumps(envelope, sort_keys=True).encode(), hashlib.sha256).hexdigest()
    return json.dumps(envelope | {"signature": signature})


FILES: dict[Path, Callable[[], dict[str, Any]]] = {
    FILE: generate,
    MESSAGES: generate_messages,
    MESSAGES_V1: generate_v1,
}

if __name__ == "__main__":
    for path, make in FILES.items():
        if not path.exists():
            path.write_text(json.dumps(make(), indent=2) + "\n", encoding="utf-8")
