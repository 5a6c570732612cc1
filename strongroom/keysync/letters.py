"""A received message whose author is proven, in one form for both wire profiles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.keysync import envelope_v1, envelope_v2
from strongroom.keysync.acks import sent_at
from strongroom.keysync.derivation import Direction, Purpose, derive_from_epoch, derive_key
from strongroom.keysync.envelope_v1 import VerifiedV1
from strongroom.keysync.envelope_v2 import Verified
from strongroom.keysync.keeping import Epoch, Psk
from strongroom.keysync.messages import Message, MessageType, Profile, Sign
from strongroom.keysync.payloads import decode
from strongroom.keysync.refusals import MessageRefusedError, Reason
from strongroom.keysync.strict_json import parse_object

LARGEST_BODY = 256 << 10
"""Bytes of a request, in either profile; profile v1 has a smaller bound of its own."""

FindEpoch = Callable[[int], Epoch | None]
REQUESTS = frozenset(kind.value for kind in MessageType if kind is not MessageType.ACK)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is authentic; whether it may be taken is not yet said. `types` are those its profile knows."""

    message_id: str
    receiver: str
    kind: str
    types: frozenset[str]
    sign: Sign
    psk: Psk
    open: Callable[[FindEpoch], Message] = field(repr=False)


def parse_envelope(body: bytes) -> tuple[Profile, dict[str, Any]]:
    """Read the outermost object only, and say which profile it is of; raises MessageRefusedError."""
    envelope = parse_object(body)
    if "protected" in envelope:
        return Profile.V2, envelope
    if len(body) > envelope_v1.LARGEST_MESSAGE:
        raise MessageRefusedError(Reason.SIZE)
    return Profile.V1, envelope


def authenticate(profile: Profile, envelope: dict[str, Any], psks: Sequence[Psk], way: Direction) -> Letter:
    """Prove that the message is from the peer at the other end; raises MessageRefusedError.

    `way` is from that peer to us. Whether the message names us is checked later, as for what it says of itself.
    """
    if profile is Profile.V1:
        return _of_v1(envelope_v1.verify(envelope, psks, way.sender))
    verified = envelope_v2.verify(envelope, psks, way, Purpose.MAC)
    if verified.header.sender != way.sender:
        raise MessageRefusedError(Reason.SENDER)
    return _of_v2(verified)


def _of_v1(verified: VerifiedV1) -> Letter:
    sign = Sign(verified.sender, Profile.V1, verified.psk.psk_id, verified.sent_at)
    types = frozenset(kind.value for kind in envelope_v1.TYPES)
    psk = verified.psk
    return Letter(verified.message_id, verified.receiver, verified.type, types, sign, psk, lambda _: verified.open())


def _of_v2(verified: Verified) -> Letter:
    header = verified.header
    sign = Sign(header.sender, Profile.V2, header.psk, sent_at(header), header.boot, header.seq)
    opened = _Opener(verified)
    return Letter(header.msg_id, header.receiver, header.type, REQUESTS, sign, verified.psk, opened)


@dataclass(frozen=True, slots=True)
class _Opener:
    """Opens a message of profile v2, once its type is known to be one of the profile."""

    verified: Verified

    def __call__(self, find_epoch: FindEpoch) -> Message:
        header = self.verified.header
        kind = MessageType(header.type)
        # Keys go under an epoch, always: a secret that is stolen later must not open them.
        if (header.epoch == 0) is (kind is MessageType.KEY_SYNC):
            raise MessageRefusedError(Reason.EPOCH)
        return decode(kind, self.verified.open(self._base(find_epoch)))

    def _base(self, find_epoch: FindEpoch) -> bytes:
        header = self.verified.header
        if header.epoch == 0:
            return derive_key(self.verified.psk.secret, Purpose.ENCRYPTION, header.direction)
        epoch = find_epoch(header.epoch)
        if epoch is None:
            raise MessageRefusedError(Reason.EPOCH)
        return derive_from_epoch(epoch.secret, header.direction)
