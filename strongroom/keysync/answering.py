"""What a message that may be taken leads to, and what is answered."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from strongroom.clock import RandomBytes
from strongroom.keysync import epochs
from strongroom.keysync.acks import Responder, key_rows, seal_ack
from strongroom.keysync.derivation import Direction
from strongroom.keysync.keeping import Epoch, Hearing, Keeper
from strongroom.keysync.letters import Letter
from strongroom.keysync.messages import (
    CapabilityExchange,
    EpochRequest,
    Heartbeat,
    KeyItem,
    KeyStatus,
    KeySync,
    Message,
    Profile,
    Sign,
    Void,
)
from strongroom.keysync.payloads import AckBody, EpochBody, encode_capabilities, to_base64
from strongroom.keysync.refusals import MessageRefusedError, Reason
from strongroom.keysync.strict_json import write_object

SMALLEST_KEY, LARGEST_KEY = 128, 512
"""Bits."""
LONGEST_LIFE = timedelta(days=2)
MOST_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes


REFUSED = Answer(400, write_object({"error": "refused"}))
"""One answer to everything that is refused: who asks learns nothing from it."""
UNAVAILABLE = Answer(503, write_object({"error": "unavailable"}))


def note_capabilities(keeper: Keeper, sign: Sign, told: CapabilityExchange, now: datetime) -> None:
    """Note what a peer says it can do. What it could do once it can: saying less leads to no weaker profile."""
    before = keeper.told(sign.sender)
    profiles = tuple(item for item in Profile if item in told.profiles or (before and item in before.profiles))
    keeper.capabilities(sign, replace(told, profiles=profiles), now)


class Answering:
    """Acts on messages; all that lasts is the keeper's."""

    def __init__(self, ours: CapabilityExchange, keeper: Keeper, random: RandomBytes) -> None:
        self._ours = ours
        self._keeper = keeper
        self._random = random
        self._actions: dict[type[Message], Callable[[Letter, Any, datetime], AckBody]] = {
            Heartbeat: self._heartbeat,
            KeySync: self._keys,
            CapabilityExchange: self._capabilities,
            EpochRequest: self._epoch,
            Void: self._void,
        }

    def act(self, letter: Letter, message: Message, now: datetime) -> Answer:
        """Do what a message asks for and answer it; raises MessageRefusedError and UnavailableError."""
        # First of all: what is found in a restored database, epochs too, ends with its incarnation.
        boot = self._keeper.boot()
        body = self._actions[type(message)](letter, message, now)
        status = 409 if any(row[1] is KeyStatus.CONFLICT for row in body.keys) else 200
        if letter.sign.profile is Profile.V1:
            return _plain_answer(letter, body, status)
        by = Responder(self._way_back(letter), boot, now)
        return Answer(status, seal_ack(body, by, letter.psk, self._random))

    def _heartbeat(self, letter: Letter, message: Heartbeat, now: datetime) -> AckBody:
        if self._keeper.heard(letter.sign, message, now) is Hearing.STALE:
            raise MessageRefusedError(Reason.STALE)
        return AckBody(letter.message_id)

    def _keys(self, letter: Letter, message: KeySync, now: datetime) -> AckBody:
        verify_keys(message.keys, letter.sign.sender, now)
        verdicts = self._keeper.accept(letter.sign, message.keys, now)
        if letter.sign.profile is Profile.V1:
            return AckBody(letter.message_id, [(verdict.key_id, verdict.status, "") for verdict in verdicts])
        return AckBody(letter.message_id, key_rows(message.keys, verdicts, letter.psk, self._way_back(letter)))

    def _capabilities(self, letter: Letter, message: CapabilityExchange, now: datetime) -> AckBody:
        if message.local_id != letter.sign.sender:
            raise MessageRefusedError(Reason.CONTENT)
        note_capabilities(self._keeper, letter.sign, message, now)
        return AckBody(letter.message_id, capabilities=encode_capabilities(self._ours))

    def _epoch(self, letter: Letter, message: EpochRequest, now: datetime) -> AckBody:
        way = Direction(letter.sign.sender, self._ours.local_id)
        terms, secret = epochs.answer_request(way, message.public_key, letter.psk, self._random)
        seq = self._keeper.next_seq(way.sender)
        self._keeper.store_epoch(Epoch(way.sender, terms.number, secret, letter.psk.psk_id, now, seq))
        return AckBody(letter.message_id, epoch=EpochBody(terms.number, to_base64(terms.sealed)))

    def _void(self, letter: Letter, message: Void, now: datetime) -> AckBody:
        self._keeper.void(letter.sign, message.key_ids, now)
        return AckBody(letter.message_id)

    def _way_back(self, letter: Letter) -> Direction:
        return Direction(self._ours.local_id, letter.sign.sender)


def verify_keys(items: tuple[KeyItem, ...], sender: str, now: datetime) -> None:
    """Refuse keys that are not the sender's own, not of the size they say, or of a life that makes no sense."""
    if len({item.key_id for item in items}) != len(items):
        raise MessageRefusedError(Reason.CONTENT)
    for item in items:
        if item.initiator != sender or not _has_size(item) or not _has_life(item, now):
            raise MessageRefusedError(Reason.CONTENT)


def _has_size(item: KeyItem) -> bool:
    bits = item.size_bits
    return SMALLEST_KEY <= bits <= LARGEST_KEY and bits % 8 == 0 and len(item.key) * 8 == bits


def _has_life(item: KeyItem, now: datetime) -> bool:
    return timedelta() < item.expires_at - item.created_at <= LONGEST_LIFE and item.created_at <= now + MOST_SKEW


def _plain_answer(letter: Letter, body: AckBody, status: int) -> Answer:
    """Answer as profile v1 does: the status of HTTP says it, under the protection of TLS alone."""
    if any(row[1] is KeyStatus.REFUSED for row in body.keys):
        return REFUSED
    said = {"status": "ok" if status == 200 else "error", "message_id": letter.message_id}
    return Answer(status, write_object(said))
