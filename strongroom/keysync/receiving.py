"""What happens to a message of a peer, in the order that makes it safe.

Size, TLS peer, envelope, profile, sender and MAC, receiver, type, clock, replay, decryption, content, one transaction,
signed ack. Nothing is remembered of a message before its MAC is right, and nothing of it is opened before it is known
to be new. Outside every refusal looks alike; the reason goes to the log and to a counter.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from strongroom.clock import Clock
from strongroom.errors import UnavailableError
from strongroom.keysync.answering import REFUSED, UNAVAILABLE, Answer, Answering
from strongroom.keysync.derivation import SHORTEST_SECRET, Direction
from strongroom.keysync.epochs import stands
from strongroom.keysync.keeping import Epoch, Keeper, Psk
from strongroom.keysync.letters import LARGEST_BODY, Letter, authenticate, parse_envelope
from strongroom.keysync.messages import Profile
from strongroom.keysync.refusals import UNPROVEN, MessageRefusedError, Reason, Refusals
from strongroom.keysync.replay import Claim, Nonces

log = logging.getLogger(__name__)

REASON_OF = {Claim.SEEN: Reason.REPLAY, Claim.BEFORE_MEMORY: Reason.FLOOR}


@dataclass(frozen=True, slots=True)
class Rules:
    """Who we are, the weakest profile that is taken from each peer, and how far clocks may be apart."""

    system_id: str
    peers: Mapping[str, Profile]
    window: timedelta


class Receiver:
    """Takes messages of peers, or refuses them; safe between threads."""

    def __init__(self, rules: Rules, keeper: Keeper, nonces: Nonces, answering: Answering, clock: Clock) -> None:
        self._rules = rules
        self._keeper = keeper
        self._nonces = nonces
        self._answering = answering
        self._clock = clock
        self.refusals = Refusals()

    def receive(self, body: bytes, tls_peer: str | None) -> Answer:
        """Take one message from the provider that showed its certificate, and return what to answer."""
        letter = None
        try:
            letter, psks = self._prove(body, tls_peer)
            return self._take(letter, psks)
        except MessageRefusedError as refused:
            self.refusals.note(refused.reason, tls_peer, _id_of(letter))
            return REFUSED
        except UnavailableError as error:
            # What cannot be checked, or kept, is not taken.
            log.warning("skip.unavailable peer=%s message=%s: %s", tls_peer or "-", _id_of(letter), error.what)
            return UNAVAILABLE
        except Exception as error:
            # Of an error nobody thought of only the type is told: its text and its frames may hold what is secret.
            log.warning("skip.failed peer=%s message=%s: %s", tls_peer or "-", _id_of(letter), type(error).__name__)
            self.refusals.note(Reason.FAILED, tls_peer, _id_of(letter))
            return UNAVAILABLE

    def refuse(self, reason: Reason, tls_peer: str | None) -> Answer:
        """Note why a message was refused that was not read, and return what to answer."""
        self.refusals.note(reason, tls_peer)
        return REFUSED

    def knows(self, tls_peer: str | None) -> bool:
        """Say whether a provider is a peer."""
        return tls_peer in self._rules.peers

    def _prove(self, body: bytes, tls_peer: str | None) -> tuple[Letter, Sequence[Psk]]:
        """Return a message that is the peer's, and the secrets in force with it."""
        _check_size(body)
        peer = self._known(tls_peer)
        profile, envelope = parse_envelope(body)
        self._check_profile(profile, peer)
        psks = self._keeper.psks(peer)
        return authenticate(profile, envelope, psks, Direction(peer, self._rules.system_id)), psks

    def _take(self, letter: Letter, psks: Sequence[Psk]) -> Answer:
        self._check_not_weakened(letter)
        self._check_receiver(letter)
        _check_type(letter)
        now = self._clock.now()
        self._check_clock(letter, now)
        self._check_new(letter, now)
        message = letter.open(partial(self._find_epoch, letter.sign.sender, psks))
        answer = self._answering.act(letter, message, now)
        told = (letter.kind, letter.sign.sender, letter.message_id, answer.status)
        log.info("skip.taken type=%s peer=%s message=%s status=%d", *told)
        return answer

    def _known(self, tls_peer: str | None) -> str:
        if tls_peer is None or not self.knows(tls_peer):
            raise MessageRefusedError(Reason.UNKNOWN_PEER)
        return tls_peer

    def _check_profile(self, profile: Profile, peer: str) -> None:
        if profile is Profile.V1 and self._rules.peers[peer] is not Profile.V1:
            raise MessageRefusedError(Reason.PROFILE)

    def _check_not_weakened(self, letter: Letter) -> None:
        """Refuse profile v1 of a peer that has said it speaks v2, under a secret that serves for both."""
        if letter.sign.profile is Profile.V1 and len(letter.psk.secret) >= SHORTEST_SECRET:
            told = self._keeper.told(letter.sign.sender)
            if told is not None and Profile.V2 in told.profiles:
                raise MessageRefusedError(Reason.PROFILE)

    def _check_receiver(self, letter: Letter) -> None:
        if letter.receiver != self._rules.system_id:
            raise MessageRefusedError(Reason.RECEIVER)

    def _check_clock(self, letter: Letter, now: datetime) -> None:
        if abs(now - letter.sign.sent_at) > self._rules.window:
            raise MessageRefusedError(Reason.CLOCK)

    def _check_new(self, letter: Letter, now: datetime) -> None:
        claim = self._nonces.claim(letter.sign.sender, letter.message_id, letter.sign.sent_at, now)
        if claim is not Claim.FRESH:
            raise MessageRefusedError(REASON_OF[claim])

    def _find_epoch(self, peer: str, psks: Sequence[Psk], number: int) -> Epoch | None:
        """Return an epoch that stands upon a secret still in force."""
        epoch = self._keeper.find_epoch(peer, number)
        return epoch if epoch is not None and stands(epoch, psks) else None


def _id_of(letter: Letter | None) -> str:
    return UNPROVEN if letter is None else letter.message_id


def _check_size(body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        raise MessageRefusedError(Reason.SIZE)


def _check_type(letter: Letter) -> None:
    if letter.kind not in letter.types:
        raise MessageRefusedError(Reason.TYPE)
