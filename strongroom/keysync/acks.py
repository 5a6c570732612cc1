"""Signed answers of profile v2: what became of a message, and proof that the same key bytes were kept."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.clock import RandomBytes
from strongroom.keysync import envelope_v2
from strongroom.keysync.derivation import Direction, Purpose, check_values, derive_key
from strongroom.keysync.envelope_v2 import ALGORITHM, Header, Verified
from strongroom.keysync.keeping import Psk
from strongroom.keysync.messages import KeyItem, KeyStatus, KeyVerdict, MessageType
from strongroom.keysync.payloads import AckBody, from_milliseconds, read_body, to_milliseconds, write_body
from strongroom.keysync.refusals import MessageRefusedError, Reason
from strongroom.keysync.strict_json import parse_object

KEPT = frozenset({KeyStatus.STORED, KeyStatus.DUPLICATE})


@dataclass(frozen=True, slots=True)
class Responder:
    """Who answers, in which incarnation, and when."""

    way: Direction
    boot: int
    now: datetime


def seal_ack(body: AckBody, by: Responder, psk: Psk, random: RandomBytes) -> bytes:
    """Return the body of an answer, under the secret that the message was authenticated with."""
    header = Header(
        v=2,
        alg=ALGORITHM,
        psk=psk.psk_id,
        epoch=0,
        sender=by.way.sender,
        receiver=by.way.receiver,
        type=MessageType.ACK.value,
        msg_id=random(16).hex(),
        boot=by.boot,
        seq=0,
        ts=to_milliseconds(by.now),
    )
    base = derive_key(psk.secret, Purpose.ACK_ENCRYPTION, by.way)
    return envelope_v2.seal(header, write_body(body), base, derive_key(psk.secret, Purpose.ACK_MAC, by.way))


def open_ack(answer: bytes, way: Direction, psk: Psk, message_id: str) -> tuple[Header, AckBody]:
    """Return who answered and what, for the message of this id; raises MessageRefusedError."""
    verified = envelope_v2.verify(parse_object(answer), [psk], way, Purpose.ACK_MAC)
    _check_header(verified, way)
    plaintext = verified.open(derive_key(psk.secret, Purpose.ACK_ENCRYPTION, way))
    body = read_body(plaintext, AckBody)
    if body.re != message_id:
        raise MessageRefusedError(Reason.REPLAY)
    return verified.header, body


def key_rows(
    items: Sequence[KeyItem], verdicts: Sequence[KeyVerdict], psk: Psk, way: Direction
) -> list[tuple[str, KeyStatus, str]]:
    """Return what an ack says of keys: of those that are kept, with their check values."""
    checks = check_values(psk.secret, way, (item.key for item in items))
    return [
        (item.key_id, verdict.status, check if verdict.status in KEPT else "")
        for item, verdict, check in zip(items, verdicts, checks, strict=True)
    ]


def read_verdicts(body: AckBody, items: Sequence[KeyItem], psk: Psk, way: Direction) -> tuple[KeyVerdict, ...]:
    """Return what became of the keys that were sent, once each row is proven; raises MessageRefusedError."""
    if [row[0] for row in body.keys] != [item.key_id for item in items]:
        raise MessageRefusedError(Reason.CONTENT)
    checks = check_values(psk.secret, way, (item.key for item in items))
    for check, (_, status, shown) in zip(checks, body.keys, strict=True):
        if status in KEPT and not hmac.compare_digest(check.encode(), shown.encode()):
            raise MessageRefusedError(Reason.CONTENT)
    return tuple(KeyVerdict(key_id, status) for key_id, status, _ in body.keys)


def sent_at(header: Header) -> datetime:
    """Return when a message or an answer was made, by its author's clock."""
    return from_milliseconds(header.ts)


def _check_header(verified: Verified, way: Direction) -> None:
    header = verified.header
    if header.direction != way:
        raise MessageRefusedError(Reason.RECEIVER)
    if header.type != MessageType.ACK.value:
        raise MessageRefusedError(Reason.TYPE)
