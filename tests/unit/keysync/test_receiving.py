"""What a provider takes from another, and what it refuses: each refusal with its own reason, all alike from outside."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from strongroom.keysync import envelope_v2
from strongroom.keysync.answering import REFUSED, UNAVAILABLE
from strongroom.keysync.derivation import Direction, Purpose, derive_key
from strongroom.keysync.envelope_v2 import ALGORITHM, Header
from strongroom.keysync.letters import LARGEST_BODY
from strongroom.keysync.messages import Heartbeat, KeyItem, KeyStatus, KeySync, Message, Void
from strongroom.keysync.payloads import encode, to_milliseconds, type_of
from strongroom.keysync.wire_errors import PeerAnswerError, PeerRefusedError, PeerUnreachableError
from tests.unit.keysync.memory import NOW, SECRET, Pair, make_key, make_pair, refused

TO_B = Direction("KP-A", "KP-B")
LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def pair() -> Pair:
    return make_pair()


def seal(message: Message, way: Direction = TO_B, secret: bytes = SECRET, **changes: object) -> bytes:
    """Seal a message by hand, under the shared secret; `changes` are to the header."""
    fields = {
        "v": 2,
        "alg": ALGORITHM,
        "psk": "psk-1",
        "epoch": 0,
        "sender": way.sender,
        "receiver": way.receiver,
        "type": type_of(message).value,
        "msg_id": "0123456789abcdef" * 2,
        "boot": 7,
        "seq": 1,
        "ts": to_milliseconds(NOW),
    }
    header = msgspec.convert(fields | changes, Header)
    base = derive_key(secret, Purpose.ENCRYPTION, way)
    return envelope_v2.seal(header, encode(message), base, derive_key(secret, Purpose.MAC, way))


def test_a_heartbeat_is_taken_and_answered(pair: Pair):
    answer = pair.b.receiver.receive(seal(Heartbeat()), "KP-A")

    assert answer.status == 200
    assert [sign.sender for sign in pair.b.keeper.signs] == ["KP-A"]


@pytest.mark.parametrize("shown", [None, "KP-C", ""])
def test_who_is_not_a_peer_is_refused_before_anything_is_read(pair: Pair, shown: str | None):
    assert pair.b.receiver.receive(seal(Heartbeat()), shown) == REFUSED
    assert refused(pair.b) == {"unknown_peer": 1}


def test_a_body_that_is_too_long_is_refused(pair: Pair):
    assert pair.b.receiver.receive(b"x" * (LARGEST_BODY + 1), "KP-A") == REFUSED
    assert refused(pair.b) == {"size": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"protected": NaN}',
        b'{"protected": "e30", "ciphertext": "", "mac": 5}',
        b'{"protected": "e30", "ciphertext": "", "mac": "", "more": 1}',
        b'{"protected": "e30=", "ciphertext": "", "mac": ""}',
        b'{"protected": "e30", "ciphertext": ""}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_envelope_is_refused(pair: Pair, body: bytes):
    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert refused(pair.b) == {"malformed": 1}


@pytest.mark.parametrize("member", ["protected", "ciphertext", "mac"])
def test_a_member_that_stands_there_twice_is_refused(pair: Pair, member: str):
    envelope = json.loads(seal(Heartbeat()))
    body = json.dumps(envelope)[:-1] + f', "{member}": {json.dumps(envelope[member])}}}'

    assert pair.b.receiver.receive(body.encode(), "KP-A") == REFUSED
    assert refused(pair.b) == {"malformed": 1}


@pytest.mark.parametrize("member", ["protected", "ciphertext", "mac"])
def test_a_changed_character_anywhere_is_refused_and_nothing_is_remembered(pair: Pair, member: str):
    envelope = json.loads(seal(Heartbeat()))
    text = envelope[member]
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        body = json.dumps(envelope | {member: text[:place] + other + text[place + 1 :]}).encode()
        assert pair.b.receiver.receive(body, "KP-A") == REFUSED

    assert refused(pair.b) == {"mac": len(text)}
    assert pair.b.nonces.seen == {}


@pytest.mark.parametrize("member", ["protected", "ciphertext", "mac"])
def test_a_changed_character_of_a_message_with_keys_is_refused(pair: Pair, member: str):
    body = capture(pair, [make_key(1)])
    remembered = dict(pair.b.nonces.seen)
    envelope = json.loads(body)
    assert json.loads(envelope_v2._from_base64url(envelope["protected"]))["epoch"] > 0
    changed = list(each_change(envelope[member]))
    for text in changed:
        assert pair.b.receiver.receive(json.dumps(envelope | {member: text}).encode(), "KP-A") == REFUSED

    assert refused(pair.b) == {"mac": len(changed)}
    assert (pair.b.nonces.seen, pair.b.keeper.keys) == (remembered, {})
    assert pair.b.receiver.receive(body, "KP-A").status == 200


def each_change(text: str) -> Iterator[str]:
    """Return a text with each of its characters changed in turn."""
    for place, character in enumerate(text):
        yield text[:place] + ("A" if character != "A" else "B") + text[place + 1 :]


@pytest.mark.parametrize("msg_id", ["ab" * 16 + "\n", "ab" * 15, "AB" * 16])
def test_an_id_of_a_message_in_another_spelling_is_refused(pair: Pair, msg_id: str):
    sealed = json.loads(seal(Heartbeat()))
    header = msgspec.convert(json.loads(envelope_v2._from_base64url(sealed["protected"])), Header)
    base, mac = (derive_key(SECRET, purpose, TO_B) for purpose in (Purpose.ENCRYPTION, Purpose.MAC))
    header = msgspec.structs.replace(header, msg_id=msg_id)

    assert pair.b.receiver.receive(envelope_v2.seal(header, encode(Heartbeat()), base, mac), "KP-A") == REFUSED
    assert refused(pair.b) == {"malformed": 1}
    assert pair.b.nonces.seen == {}


@pytest.mark.parametrize("key_id", ["ab" * 8 + "\n", "a" * 17])
def test_an_id_of_a_key_in_another_spelling_is_not_voided(pair: Pair, key_id: str):
    assert pair.b.receiver.receive(seal(Void((key_id,))), "KP-A") == REFUSED
    assert refused(pair.b) == {"content": 1}
    assert pair.b.keeper.spent == set()


def test_each_member_of_the_header_is_authenticated(pair: Pair):
    envelope = json.loads(seal(Heartbeat()))
    header = json.loads(envelope_v2._from_base64url(envelope["protected"]))
    for name, value in header.items():
        other = value + 1 if isinstance(value, int) else value + "0"
        changed = json.dumps(header | {name: other}).encode()
        body = json.dumps(envelope | {"protected": envelope_v2._to_base64url(changed)}).encode()
        assert pair.b.receiver.receive(body, "KP-A") == REFUSED

    assert refused(pair.b) == {"mac": len(header)}


def test_a_message_under_another_secret_is_refused(pair: Pair):
    assert pair.b.receiver.receive(seal(Heartbeat(), secret=bytes(32)), "KP-A") == REFUSED
    assert refused(pair.b) == {"mac": 1}


def test_a_message_that_names_another_secret_than_it_is_under_is_refused(pair: Pair):
    assert pair.b.receiver.receive(seal(Heartbeat(), psk="psk-2"), "KP-A") == REFUSED
    assert refused(pair.b) == {"mac": 1}


def test_a_message_turned_round_is_refused_by_its_own_author(pair: Pair):
    assert pair.a.receiver.receive(seal(Heartbeat()), "KP-B") == REFUSED
    assert refused(pair.a) == {"mac": 1}


def test_a_sender_that_is_not_the_tls_identity_is_refused(pair: Pair):
    assert pair.b.receiver.receive(seal(Heartbeat(), sender="KP-C"), "KP-A") == REFUSED
    assert refused(pair.b) == {"sender": 1}


def test_the_message_of_one_peer_is_refused_from_another(pair: Pair):
    third = make_pair(secret=bytes(reversed(range(32))))
    pair.b.keeper.secrets["KP-C"] = third.b.keeper.secrets["KP-A"]
    pair.b.receiver._rules.peers["KP-C"] = pair.b.receiver._rules.peers["KP-A"]  # type: ignore[index]  # a dict here

    assert pair.b.receiver.receive(seal(Heartbeat()), "KP-C") == REFUSED
    assert refused(pair.b) == {"mac": 1}


def test_a_message_to_somebody_else_is_refused(pair: Pair):
    assert pair.b.receiver.receive(seal(Heartbeat(), receiver="KP-C"), "KP-A") == REFUSED
    assert refused(pair.b) == {"receiver": 1}


@pytest.mark.parametrize("kind", ["ack", "key_request", "HEARTBEAT", ""])
def test_a_type_that_nobody_sends_is_refused(pair: Pair, kind: str):
    assert pair.b.receiver.receive(seal(Heartbeat(), type=kind), "KP-A") == REFUSED
    assert refused(pair.b) == {"type": 1}


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_message_outside_the_window_is_refused(pair: Pair, seconds: int):
    ts = to_milliseconds(NOW + timedelta(seconds=seconds))

    assert pair.b.receiver.receive(seal(Heartbeat(), ts=ts), "KP-A") == REFUSED
    assert refused(pair.b) == {"clock": 1}


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_message_at_the_edge_of_the_window_is_taken(pair: Pair, seconds: int):
    ts = to_milliseconds(NOW + timedelta(seconds=seconds))

    assert pair.b.receiver.receive(seal(Heartbeat(), ts=ts), "KP-A").status == 200


@pytest.mark.parametrize("after", [0, 1, 300, 599, 600])
def test_a_replay_is_refused_as_long_as_the_clock_would_let_it_pass(pair: Pair, after: int):
    # Sent by a clock that is a whole window ahead: acceptable for two windows.
    body = seal(Heartbeat(), ts=to_milliseconds(NOW + timedelta(seconds=300)))
    assert pair.b.receiver.receive(body, "KP-A").status == 200

    pair.clock.move(after)

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert refused(pair.b) == {"replay": 1}


def test_a_replay_after_that_is_outside_the_window(pair: Pair):
    body = seal(Heartbeat(), ts=to_milliseconds(NOW + timedelta(seconds=300)))
    pair.b.receiver.receive(body, "KP-A")

    pair.clock.move(601)

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert refused(pair.b) == {"clock": 1}


def test_a_message_from_before_the_memory_began_is_refused(pair: Pair):
    pair.b.nonces.began = NOW + timedelta(seconds=1)

    assert pair.b.receiver.receive(seal(Heartbeat()), "KP-A") == REFUSED
    assert refused(pair.b) == {"floor": 1}


def test_without_the_memory_of_messages_nothing_is_taken(pair: Pair):
    pair.b.nonces.away = True

    assert pair.b.receiver.receive(seal(Heartbeat()), "KP-A") == UNAVAILABLE
    assert pair.b.keeper.signs == []


def test_without_the_catalog_nothing_is_taken(pair: Pair):
    pair.b.keeper.away = True

    assert pair.b.receiver.receive(seal(Heartbeat()), "KP-A") == UNAVAILABLE
    with pytest.raises(PeerAnswerError):
        pair.a.sender.push("KP-B", [make_key(1)])
    assert pair.b.keeper.keys == {}


def test_a_heartbeat_that_is_not_newer_than_the_last_is_refused(pair: Pair):
    pair.b.receiver.receive(seal(Heartbeat(), seq=5), "KP-A")

    assert pair.b.receiver.receive(seal(Heartbeat(), seq=4, msg_id="f" * 32), "KP-A") == REFUSED
    assert refused(pair.b) == {"stale": 1}


def test_keys_without_an_epoch_are_refused(pair: Pair):
    assert pair.b.receiver.receive(seal(KeySync((make_key(1),))), "KP-A") == REFUSED
    assert refused(pair.b) == {"epoch": 1}
    assert pair.b.keeper.keys == {}


@pytest.mark.parametrize("epoch", [1, 77])
def test_other_messages_under_an_epoch_are_refused(pair: Pair, epoch: int):
    assert pair.b.receiver.receive(seal(Heartbeat(), epoch=epoch), "KP-A") == REFUSED
    assert refused(pair.b) == {"epoch": 1}


def test_a_message_of_one_type_that_says_it_is_of_another_is_refused(pair: Pair):
    assert pair.b.receiver.receive(seal(Heartbeat(), type="void"), "KP-A") == REFUSED
    assert refused(pair.b) == {"content": 1}


def test_content_that_is_compressed_beyond_all_measure_is_refused(pair: Pair):
    header = json.loads(envelope_v2._from_base64url(json.loads(seal(Heartbeat()))["protected"]))
    base, mac = (derive_key(SECRET, purpose, TO_B) for purpose in (Purpose.ENCRYPTION, Purpose.MAC))
    body = envelope_v2.seal(msgspec.convert(header, Header), b" " * (8 << 20), base, mac)
    assert len(body) < 2000

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert refused(pair.b) == {"size": 1}


def test_refusals_look_alike_from_outside_and_are_told_apart_in_the_log(pair: Pair, caplog: pytest.LogCaptureFixture):
    bodies = [b"{", seal(Heartbeat(), receiver="KP-C"), seal(Heartbeat(), secret=bytes(32)), seal(Heartbeat(), ts=0)]

    answers = {pair.b.receiver.receive(body, "KP-A") for body in bodies}

    assert answers == {REFUSED}
    assert [message.split("reason=")[1] for message in caplog.messages] == [
        "malformed count=1 peer=KP-A message=unproven",
        "receiver count=1 peer=KP-A message=0123456789abcdef0123456789abcdef",
        "mac count=1 peer=KP-A message=unproven",
        "clock count=1 peer=KP-A message=0123456789abcdef0123456789abcdef",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"initiator": "KP-C"},
        {"size_bits": 128},
        {"key": bytes(8), "size_bits": 64},
        {"key": bytes(65), "size_bits": 520},
        {"expires_at": NOW},
        {"expires_at": NOW + timedelta(days=3)},
        {"created_at": NOW + timedelta(days=1), "expires_at": NOW + timedelta(days=1, hours=1)},
        {"key_id": "ABCDEF0123456789"},
        {"created_at": LAST_SECOND - timedelta(hours=1), "expires_at": LAST_SECOND},
        {"key_id": "0123"},
        {"key_id": "ab" * 8 + "\n"},
        {"key_id": "a" * 17},
    ],
)
def test_keys_that_make_no_sense_are_refused(pair: Pair, changes: dict[str, object]):
    with pytest.raises(PeerRefusedError):
        pair.a.sender.push("KP-B", [make_key(1), replace(make_key(2), **changes)])  # type: ignore[arg-type] # of any kind

    assert set(refused(pair.b)) == {"content"}
    assert pair.b.keeper.keys == {}


def test_a_key_that_stands_there_twice_is_refused(pair: Pair):
    with pytest.raises(PeerRefusedError):
        pair.a.sender.push("KP-B", [make_key(1), make_key(1)])

    assert pair.b.keeper.keys == {}


def test_a_replay_does_not_bring_back_a_key_that_was_given_out(pair: Pair):
    item = make_key(1)
    pair.a.sender.push("KP-B", [item])
    pair.b.keeper.spend("KP-A", item.key_id)

    assert pair.b.receiver.receive(pair.to_b.sent[-1], "KP-A") == REFUSED
    again = pair.a.sender.push("KP-B", [item])

    assert [verdict.status for verdict in again.verdicts] == [KeyStatus.REFUSED]
    assert pair.b.keeper.keys == {}


def test_another_key_under_a_known_id_changes_nothing_and_is_a_conflict(pair: Pair):
    first, second, other = make_key(1), make_key(1), make_key(2)
    pair.a.sender.push("KP-B", [first])

    ack = pair.a.sender.push("KP-B", [second, other])

    assert [verdict.status for verdict in ack.verdicts] == [KeyStatus.CONFLICT, KeyStatus.STORED]
    assert pair.to_b.answers[-1].status == 409
    assert pair.b.keeper.keys["KP-A", first.key_id].key == first.key
    assert pair.b.keeper.alerts == [first.key_id]


def test_messages_may_come_in_another_order_and_twice(pair: Pair):
    items = [make_key(number) for number in range(3)]
    bodies = [capture(pair, items[:1]), capture(pair, items[1:2]), capture(pair, items[2:])]

    statuses = [pair.b.receiver.receive(bodies[place], "KP-A").status for place in (2, 0, 2, 1, 0)]

    assert statuses == [200, 200, 400, 200, 400]
    assert len(pair.b.keeper.keys) == 3


def capture(pair: Pair, items: list[KeyItem]) -> bytes:
    """Return a message with keys that was lost on its way."""
    pair.a.sender.push("KP-B", [make_key(99)])
    pair.to_b.lost = True
    with pytest.raises(PeerUnreachableError):
        pair.a.sender.push("KP-B", items)
    pair.to_b.lost = False
    pair.b.keeper.keys.clear()
    return pair.to_b.sent[-1]


def test_voided_keys_cannot_be_served_nor_sent_again(pair: Pair):
    items = [make_key(number) for number in range(3)]
    pair.a.sender.push("KP-B", items)

    pair.a.sender.void("KP-B", [items[0].key_id])
    assert set(pair.b.keeper.keys) == {("KP-A", item.key_id) for item in items[1:]}

    assert pair.b.receiver.receive(seal(Void(None)), "KP-A").status == 200
    assert pair.b.keeper.keys == {}
    assert {verdict.status for verdict in pair.a.sender.push("KP-B", items).verdicts} == {KeyStatus.REFUSED}
