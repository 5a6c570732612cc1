"""A keeper and a memory of messages that live in this process, and two providers that speak to each other directly."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from strongroom.errors import UnavailableError
from strongroom.keysync.answering import Answering
from strongroom.keysync.keeping import Epoch, Hearing, Psk, PskState
from strongroom.keysync.messages import (
    CapabilityExchange,
    Heartbeat,
    KeyItem,
    KeyStatus,
    KeyVerdict,
    Profile,
    Sign,
)
from strongroom.keysync.receiving import Receiver, Rules
from strongroom.keysync.replay import Claim
from strongroom.keysync.sending import Sender
from strongroom.keysync.wire_errors import PeerUnreachableError
from strongroom.keysync.wires import Speaker, WireAnswer

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=300)
SECRET = bytes(range(32))


@dataclass
class HandClock:
    """A clock that a test moves."""

    at: datetime = NOW
    ticks: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.ticks += seconds


@dataclass
class MemoryNonces:
    """Remembers messages for the time it is told; may be away, or have lost its memory."""

    seconds: int = 660
    began: datetime = NOW - timedelta(hours=1)
    away: bool = False
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def claim(self, sender: str, message_id: str, sent_at: datetime, now: datetime) -> Claim:
        if self.away:
            raise UnavailableError("The memory is away.", next_step="Start it.")
        if sent_at < self.began:
            return Claim.BEFORE_MEMORY
        until = self.seen.get((sender, message_id))
        if until is not None and until > now:
            return Claim.SEEN
        self.seen[sender, message_id] = now + timedelta(seconds=self.seconds)
        return Claim.FRESH


@dataclass
class MemoryKeeper:
    """Keeps everything in dictionaries. `keys` has what can be served, `spent` the tombstones."""

    secrets: dict[str, list[Psk]]
    own_boot: int = 7
    keys: dict[tuple[str, str], KeyItem] = field(default_factory=dict)
    spent: set[tuple[str, str]] = field(default_factory=set)
    epochs: list[Epoch] = field(default_factory=list)
    capable: dict[str, CapabilityExchange] = field(default_factory=dict)
    signs: list[Sign] = field(default_factory=list)
    away: bool = False
    seqs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    beats: dict[str, int] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)

    def boot(self) -> int:
        return self.own_boot

    def next_seq(self, peer: str) -> int:
        return next(self.seqs)

    def psks(self, peer: str) -> Sequence[Psk]:
        return self.secrets.get(peer, [])

    def heard(self, sign: Sign, heartbeat: Heartbeat | None, now: datetime) -> Hearing:
        self._answer()
        if heartbeat is not None and sign.seq is not None:
            if sign.seq <= self.beats.get(sign.sender, 0):
                return Hearing.STALE
            self.beats[sign.sender] = sign.seq
        self.signs.append(sign)
        return Hearing.KNOWN

    def accept(self, sign: Sign, items: Sequence[KeyItem], now: datetime) -> Sequence[KeyVerdict]:
        self._answer()
        self.signs.append(sign)
        return [KeyVerdict(item.key_id, self._accept(sign.sender, item)) for item in items]

    def void(self, sign: Sign, key_ids: Sequence[str] | None, now: datetime) -> int:
        wanted = [name for name in self.keys if name[0] == sign.sender and (key_ids is None or name[1] in key_ids)]
        for name in wanted:
            self.spend(*name)
        self.spent |= {(sign.sender, key_id) for key_id in key_ids or ()}
        return len(wanted)

    def capabilities(self, sign: Sign, told: CapabilityExchange, now: datetime) -> None:
        self.capable[sign.sender] = told

    def told(self, peer: str) -> CapabilityExchange | None:
        return self.capable.get(peer)

    def find_epoch(self, peer: str, number: int) -> Epoch | None:
        return next((epoch for epoch in self.epochs if (epoch.peer, epoch.number) == (peer, number)), None)

    def newest_epoch(self, peer: str) -> Epoch | None:
        return next((epoch for epoch in reversed(self.epochs) if epoch.peer == peer), None)

    def store_epoch(self, epoch: Epoch) -> None:
        self.epochs = [*self.epochs[-4:], epoch]

    def spend(self, sender: str, key_id: str) -> bytes:
        """Give a key out, once."""
        self.spent.add((sender, key_id))
        return self.keys.pop((sender, key_id)).key

    def _accept(self, sender: str, item: KeyItem) -> KeyStatus:
        name = (sender, item.key_id)
        if name in self.spent:
            return KeyStatus.REFUSED
        if name in self.keys and self.keys[name].key != item.key:
            self.alerts.append(item.key_id)
            return KeyStatus.CONFLICT
        status = KeyStatus.DUPLICATE if name in self.keys else KeyStatus.STORED
        self.keys[name] = item
        return status

    def _answer(self) -> None:
        if self.away:
            raise UnavailableError("The catalog is away.", next_step="Start it.")


@dataclass
class Provider:
    """One side: what it keeps, what it remembers, how it receives and sends."""

    name: str
    keeper: MemoryKeeper
    nonces: MemoryNonces
    receiver: Receiver
    sender: Sender
    clock: HandClock


@dataclass
class DirectWire:
    """Carries bodies to a provider as the TLS peer `shown`; keeps them, and may lose answers."""

    to: Provider
    shown: str | None
    sent: list[bytes] = field(default_factory=list)
    answers: list[WireAnswer] = field(default_factory=list)
    change_answer: list[WireAnswer] = field(default_factory=list)
    lost: bool = False

    def post(self, body: bytes, timeout_seconds: float) -> WireAnswer:
        self.sent.append(body)
        if self.lost:
            raise PeerUnreachableError("The message was lost.", next_step="Send it again.")
        answer = self.to.receiver.receive(body, self.shown)
        self.answers.append(WireAnswer(answer.status, answer.body))
        return self.change_answer.pop(0) if self.change_answer else self.answers[-1]


class DirectWires(dict[str, DirectWire]):
    """The ways between providers."""

    def __call__(self, system_id: str) -> DirectWire:
        return self[system_id]

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Pair:
    """Two providers, A and B, and the wires between them."""

    a: Provider
    b: Provider
    clock: HandClock
    to_b: DirectWire
    to_a: DirectWire


def make_pair(minimum: Profile = Profile.V2, secret: bytes = SECRET) -> Pair:
    """Make two providers that share a secret."""
    clock = HandClock()
    wires = DirectWires()
    a, b = (_provider(names, minimum, secret, clock, wires) for names in (("KP-A", "KP-B"), ("KP-B", "KP-A")))
    wires |= {"KP-B": DirectWire(b, "KP-A"), "KP-A": DirectWire(a, "KP-B")}
    return Pair(a, b, clock, wires["KP-B"], wires["KP-A"])


def _provider(
    names: tuple[str, str], minimum: Profile, secret: bytes, clock: HandClock, wires: DirectWires
) -> Provider:
    name, peer = names
    keeper = MemoryKeeper({peer: [Psk("psk-1", PskState.CURRENT, secret)]})
    nonces = MemoryNonces()
    ours = CapabilityExchange(name, (peer,), "CSPRNG+MLKEM768", (Profile.V1, Profile.V2))
    answering = Answering(ours, keeper, os.urandom)
    receiver = Receiver(Rules(name, {peer: minimum}, WINDOW), keeper, nonces, answering, clock)
    sender = Sender(Speaker(ours, keeper, clock, os.urandom), {peer: minimum}, wires)
    return Provider(name, keeper, nonces, receiver, sender, clock)


def make_key(number: int, initiator: str = "KP-A", bits: int = 256) -> KeyItem:
    """Make a key whose id tells its number."""
    key = os.urandom(bits // 8)
    return KeyItem(f"{number:032x}", key, bits, NOW, NOW + timedelta(hours=1), initiator)


def refused(provider: Provider) -> dict[str, int]:
    """Return what a provider has refused, and how often."""
    return {reason: count for reason, count in provider.receiver.refusals.counts().items() if count}
