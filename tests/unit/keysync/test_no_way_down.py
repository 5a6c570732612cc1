"""A peer that may speak profile v1 is spoken to in it only where it speaks no other, also after a restore."""

import json

import pytest

from strongroom.keysync.answering import REFUSED, UNAVAILABLE, Answer
from strongroom.keysync.messages import CapabilityExchange, Heartbeat, Profile
from strongroom.keysync.receiving import Receiver
from strongroom.keysync.sending import ASK_AGAIN_SECONDS
from strongroom.keysync.wire_errors import PeerBusyError, PeerRefusedError
from strongroom.keysync.wires import WireAnswer
from tests.unit.keysync.memory import Pair, make_pair, refused


class Deaf:
    """Understands profile v1 alone."""

    def __init__(self, whole: Receiver) -> None:
        self._whole = whole

    def receive(self, body: bytes, tls_peer: str | None) -> Answer:
        return REFUSED if b"protected" in body else self._whole.receive(body, tls_peer)


@pytest.fixture
def pair() -> Pair:
    return make_pair(minimum=Profile.V1)


def spoken(pair: Pair) -> list[str]:
    return ["v2" if "protected" in json.loads(body) else "v1" for body in pair.to_b.sent]


def tell(pair: Pair, *profiles: Profile) -> None:
    """Have B know of A what it speaks."""
    pair.b.keeper.capable["KP-A"] = CapabilityExchange("KP-A", ("KP-B",), "", profiles)


def test_a_peer_of_which_nothing_is_known_is_asked_before_anything_is_said(pair: Pair):
    pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert spoken(pair) == ["v2", "v2"]
    assert Profile.V2 in pair.a.keeper.capable["KP-B"].profiles


def test_one_that_does_not_understand_is_spoken_to_in_v1_and_asked_again_later(pair: Pair):
    whole = pair.to_b.to.receiver
    pair.to_b.to.receiver = Deaf(whole)  # type: ignore[assignment]  # it stands in for it
    pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert spoken(pair) == ["v2", "v1"]
    pair.a.sender.heartbeat("KP-B", Heartbeat())
    assert spoken(pair) == ["v2", "v1", "v1"]
    pair.clock.move(ASK_AGAIN_SECONDS)
    pair.to_b.to.receiver = whole
    pair.a.sender.heartbeat("KP-B", Heartbeat())
    assert spoken(pair) == ["v2", "v1", "v1", "v2", "v2"]


def test_one_that_can_take_nothing_now_is_told_nothing_in_v1(pair: Pair):
    pair.to_b.change_answer.append(WireAnswer(UNAVAILABLE.status, UNAVAILABLE.body))

    with pytest.raises(PeerBusyError):
        pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert spoken(pair) == ["v2"]


def test_nothing_is_taken_in_v1_of_a_peer_that_has_said_it_speaks_v2(pair: Pair):
    pair.a.keeper.capable["KP-B"] = CapabilityExchange("KP-B", ("KP-A",), "", (Profile.V1,))
    tell(pair, Profile.V1)
    pair.a.sender.heartbeat("KP-B", Heartbeat())

    tell(pair, Profile.V1, Profile.V2)
    with pytest.raises(PeerRefusedError):
        pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert spoken(pair) == ["v1", "v1"]
    assert refused(pair.b) == {"profile": 1}


def test_a_secret_that_is_too_short_for_v2_serves_for_v1_alone():
    pair = make_pair(minimum=Profile.V1, secret=b"short")
    tell(pair, Profile.V1, Profile.V2)

    pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert spoken(pair) == ["v1"]
