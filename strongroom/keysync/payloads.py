"""The content of messages in profile v2: JSON objects, with keys as arrays and bytes in base64."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from strongroom.keysync.messages import (
    CapabilityExchange,
    EpochRequest,
    Heartbeat,
    KeyItem,
    KeyStatus,
    KeySync,
    Message,
    MessageType,
    Profile,
    Void,
)
from strongroom.keysync.refusals import MessageRefusedError, Reason
from strongroom.keysync.strict_json import parse_object, write_object

MOST_KEYS = 500
"""Keys in one message."""
MOST_VOIDED = 2000

KeyId = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{2}){8,64}\Z")]
SystemId = Annotated[str, Meta(min_length=1, max_length=64)]
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
KeyRow = tuple[KeyId, Annotated[str, Meta(max_length=88)], int, Milliseconds, Milliseconds, SystemId]
"""Key id, key, bits, made at, expires at, initiator."""

BodyT = TypeVar("BodyT", bound="Body")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the plaintext of a message is."""


class HeartbeatBody(Body, frozen=True):
    """A sign of life."""

    status: Annotated[str, Meta(max_length=32)]
    pool: Annotated[int, Meta(ge=0)] = 0


class KeySyncBody(Body, frozen=True):
    """Keys."""

    keys: Annotated[list[KeyRow], Meta(min_length=1, max_length=MOST_KEYS)]


class CapabilityBody(Body, frozen=True):
    """What a provider is and can do."""

    local: SystemId
    remotes: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=256)]
    algorithm: Annotated[str, Meta(max_length=64)]
    profiles: Annotated[list[Annotated[str, Meta(max_length=8)]], Meta(max_length=8)]


class EpochRequestBody(Body, frozen=True):
    """An ephemeral public key."""

    public: Annotated[str, Meta(max_length=2048)]


class VoidBody(Body, frozen=True):
    """Ids of keys, or null for all."""

    keys: Annotated[list[KeyId], Meta(min_length=1, max_length=MOST_VOIDED)] | None


class EpochBody(Body, frozen=True):
    """The answer to an epoch request."""

    number: Annotated[int, Meta(ge=1, lt=1 << 32)]
    sealed: Annotated[str, Meta(max_length=2048)]


class AckBody(Body, frozen=True):
    """The answer to a message: its id, and what became of it. A key's row is its id, status and check value."""

    re: Annotated[str, Meta(max_length=64)]
    keys: list[tuple[KeyId, KeyStatus, Annotated[str, Meta(max_length=32)]]] = []
    epoch: EpochBody | None = None
    capabilities: CapabilityBody | None = None


@dataclass(frozen=True, slots=True)
class _Codec:
    kind: MessageType
    body: type[Body]
    encode: Callable[[Any], Body]
    decode: Callable[[Any], Message]


def encode(message: Message) -> bytes:
    """Write a message's content."""
    return write_body(_CODECS[type(message)].encode(message))


def type_of(message: Message) -> MessageType:
    """Return the type a message goes under."""
    return _CODECS[type(message)].kind


def decode(kind: MessageType, plaintext: bytes) -> Message:
    """Read a message's content; raises MessageRefusedError."""
    codec = _BY_TYPE[kind]
    return codec.decode(read_body(plaintext, codec.body))


def write_body(body: Body) -> bytes:
    """Write the object."""
    return write_object(msgspec.to_builtins(body))


def read_body(plaintext: bytes, kind: type[BodyT]) -> BodyT:
    """Read an object whose members are all known and of their kind; raises MessageRefusedError."""
    try:
        return msgspec.convert(parse_object(plaintext, Reason.CONTENT), kind)
    except msgspec.ValidationError:
        raise MessageRefusedError(Reason.CONTENT) from None


def encode_capabilities(told: CapabilityExchange) -> CapabilityBody:
    """Write capabilities, as a message or as an answer."""
    return CapabilityBody(told.local_id, list(told.remote_ids), told.algorithm, [item.value for item in told.profiles])


def decode_capabilities(body: CapabilityBody) -> CapabilityExchange:
    """Read capabilities; profiles that are not known here are passed over."""
    known = tuple(profile for profile in Profile if profile.value in body.profiles)
    return CapabilityExchange(body.local, tuple(body.remotes), body.algorithm, known)


def from_base64(text: str) -> bytes:
    """Read base64 in its one spelling; raises MessageRefusedError."""
    try:
        read = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise MessageRefusedError(Reason.CONTENT) from None
    if to_base64(read) != text:
        raise MessageRefusedError(Reason.CONTENT)
    return read


def to_base64(read: bytes) -> str:
    """Write base64."""
    return b64encode(read).decode()


def to_milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return (moment - _BEGINNING) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the moment."""
    return _BEGINNING + timedelta(milliseconds=milliseconds)


_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def _key_row(item: KeyItem) -> KeyRow:
    times = to_milliseconds(item.created_at), to_milliseconds(item.expires_at)
    return (item.key_id, to_base64(item.key), item.size_bits, *times, item.initiator)


def _key_item(row: KeyRow) -> KeyItem:
    key_id, key, size_bits, created_at, expires_at, initiator = row
    times = from_milliseconds(created_at), from_milliseconds(expires_at)
    return KeyItem(key_id, from_base64(key), size_bits, *times, initiator)


def _void(body: VoidBody) -> Void:
    return Void(None if body.keys is None else tuple(body.keys))


_CODECS: dict[type[Message], _Codec] = {
    Heartbeat: _Codec(
        MessageType.HEARTBEAT,
        HeartbeatBody,
        lambda message: HeartbeatBody(message.status, message.pool),
        lambda body: Heartbeat(body.status, body.pool),
    ),
    KeySync: _Codec(
        MessageType.KEY_SYNC,
        KeySyncBody,
        lambda message: KeySyncBody([_key_row(item) for item in message.keys]),
        lambda body: KeySync(tuple(_key_item(row) for row in body.keys)),
    ),
    CapabilityExchange: _Codec(
        MessageType.CAPABILITY_EXCHANGE, CapabilityBody, encode_capabilities, decode_capabilities
    ),
    EpochRequest: _Codec(
        MessageType.EPOCH_REQUEST,
        EpochRequestBody,
        lambda message: EpochRequestBody(to_base64(message.public_key)),
        lambda body: EpochRequest(from_base64(body.public)),
    ),
    Void: _Codec(
        MessageType.VOID,
        VoidBody,
        lambda message: VoidBody(None if message.key_ids is None else list(message.key_ids)),
        _void,
    ),
}
_BY_TYPE = {codec.kind: codec for codec in _CODECS.values()}
