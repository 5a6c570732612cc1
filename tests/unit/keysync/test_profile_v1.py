"""Profile v1: the wire of peers that speak nothing else, and none of the faults that were found in it."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from cryptography.fernet import Fernet, InvalidToken

from strongroom.keysync import envelope_v1
from strongroom.keysync.answering import REFUSED, UNAVAILABLE
from strongroom.keysync.derivation import Direction
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.messages import Heartbeat, KeyStatus, KeySync, Profile
from strongroom.keysync.wire_errors import PeerAnswerError, PeerRefusedError, PeerUnreachableError
from strongroom.keysync.wires import WireAnswer
from tests.unit.keysync.memory import NOW, Pair, make_key, make_pair, refused

TO_B = Direction("KP-A", "KP-B")
TEXT_SECRET = b"a secret of two people"
LAST_SECOND = 253_402_300_799
PSK = Psk("psk-1", PskState.CURRENT, TEXT_SECRET)


@pytest.fixture
def pair() -> Pair:
    return make_pair(Profile.V1, TEXT_SECRET)


def heartbeat(**changes: Any) -> bytes:
    """Write a heartbeat and sign it; `changes` are made before that."""
    envelope: dict[str, Any] = {
        "message_id": "00000000-0000-4000-8000-000000000001",
        "sender_id": "KP-A",
        "receiver_id": "KP-B",
        "message_type": "heartbeat",
        "timestamp": NOW.timestamp(),
        "payload": {"status": "online"},
    } | changes
    return json.dumps(envelope | {"signature": envelope_v1.sign(envelope, TEXT_SECRET)}).encode()


def key_message(**changes: Any) -> bytes:
    """Write a message with a key and sign it; `changes` are to the payload."""
    envelope = json.loads(envelope_v1.seal(KeySync((make_key(1),)), TO_B, "0" * 32, NOW, PSK))
    del envelope["signature"]
    envelope["payload"] |= changes
    return heartbeat(**envelope)


def test_heartbeats_and_keys_are_taken(pair: Pair):
    items = [make_key(number) for number in range(3)]

    ack = pair.a.sender.push("KP-B", items)
    pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert [verdict.status for verdict in ack.verdicts] == [KeyStatus.STORED] * 3
    assert [item.key for item in pair.b.keeper.keys.values()] == [item.key for item in items]
    assert len(pair.to_b.sent) == 4


def test_a_peer_of_profile_v2_is_never_heard_in_v1():
    pair = make_pair(Profile.V2, TEXT_SECRET)

    assert pair.b.receiver.receive(heartbeat(), "KP-A") == REFUSED
    assert refused(pair.b) == {"profile": 1}


def test_once_a_peer_says_it_can_more_more_is_spoken():
    pair = make_pair(Profile.V1)
    pair.a.sender.exchange("KP-B")
    pair.b.sender.exchange("KP-A")

    pair.a.sender.push("KP-B", [make_key(1)])

    assert "protected" in json.loads(pair.to_b.sent[-1])


def test_a_token_opens_only_with_the_shared_secret_whatever_the_ids(pair: Pair):
    body = key_message()
    pair.b.keeper.secrets["KP-A"] = [Psk("psk-1", PskState.CURRENT, b"another secret")]

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    token = b64decode(json.loads(body)["payload"]["key_data"])
    assert envelope_v1.fernet_of(PSK, TO_B.turned()).decrypt(token)
    with pytest.raises(InvalidToken):
        envelope_v1.fernet_of(Psk("", PskState.CURRENT, b""), TO_B).decrypt(token)


def test_the_same_message_is_taken_once_and_brings_no_key_back(pair: Pair):
    body = key_message()
    assert pair.b.receiver.receive(body, "KP-A").status == 200
    pair.b.keeper.spend("KP-A", make_key(1).key_id)

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert pair.b.receiver.receive(key_message_again(), "KP-A") == REFUSED
    assert pair.b.keeper.keys == {}
    assert refused(pair.b) == {"replay": 1}


def key_message_again() -> bytes:
    """Write the key of the first message under another message id."""
    return envelope_v1.seal(KeySync((make_key(1),)), TO_B, "1" * 32, NOW, PSK)


def test_a_message_to_somebody_else_is_refused(pair: Pair):
    assert pair.b.receiver.receive(heartbeat(receiver_id="KP-C"), "KP-A") == REFUSED
    assert refused(pair.b) == {"receiver": 1}


def test_keys_in_the_name_of_another_provider_are_refused(pair: Pair):
    assert pair.b.receiver.receive(key_message(remote_system_id="KP-C"), "KP-A") == REFUSED
    assert pair.b.receiver.receive(heartbeat(sender_id="KP-C"), "KP-A") == REFUSED
    assert refused(pair.b) == {"content": 1, "sender": 1}


def test_a_known_id_with_another_key_is_a_conflict(pair: Pair):
    first = make_key(1)
    pair.a.sender.push("KP-B", [first])

    ack = pair.a.sender.push("KP-B", [make_key(1)])

    assert [verdict.status for verdict in ack.verdicts] == [KeyStatus.CONFLICT]
    assert pair.to_b.answers[-1].status == 409
    assert pair.b.keeper.keys["KP-A", first.key_id].key == first.key


def test_a_refusal_has_a_status_of_its_own_and_no_text_of_an_error(pair: Pair):
    answer = pair.b.receiver.receive(key_message(key_data="!"), "KP-A")

    assert (answer.status, answer.body) == (400, b'{"error":"refused"}')


def test_an_error_under_a_status_of_200_is_no_ack(pair: Pair):
    pair.to_b.change_answer = [WireAnswer(200, b'{"status": "error", "message": "no"}')]

    with pytest.raises(PeerAnswerError):
        pair.a.sender.push("KP-B", [make_key(1)])


def test_a_peer_where_nobody_listens_does_not_answer_a_heartbeat(pair: Pair):
    pair.to_b.lost = True

    with pytest.raises(PeerUnreachableError):
        pair.a.sender.heartbeat("KP-B", Heartbeat())


@pytest.mark.parametrize("written", ["1795262400", "1795262400.0", "1.7952624e9"])
def test_the_time_may_be_written_as_other_languages_write_it(pair: Pair, written: str):
    at = json.loads(written)
    assert at == NOW.timestamp()

    assert pair.b.receiver.receive(heartbeat(timestamp=at), "KP-A").status == 200


@pytest.mark.parametrize("at", ["1795262400", None, True, -1, 1e300, [], 1 << 70])
def test_what_is_no_time_is_refused(pair: Pair, at: object):
    assert pair.b.receiver.receive(heartbeat(timestamp=at), "KP-A") == REFUSED
    assert refused(pair.b) == {"malformed": 1}


def test_a_time_that_is_no_number_is_refused(pair: Pair):
    body = heartbeat(timestamp=0.5).replace(b"0.5", b"NaN")

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert refused(pair.b) == {"malformed": 1}


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_message_outside_the_window_is_refused(pair: Pair, seconds: int):
    assert pair.b.receiver.receive(heartbeat(timestamp=NOW.timestamp() + seconds), "KP-A") == REFUSED
    assert refused(pair.b) == {"clock": 1}


def test_a_replay_at_the_end_of_two_windows_is_refused(pair: Pair):
    body = heartbeat(timestamp=(NOW + timedelta(seconds=300)).timestamp())
    assert pair.b.receiver.receive(body, "KP-A").status == 200
    pair.clock.move(599)

    assert pair.b.receiver.receive(body, "KP-A") == REFUSED
    assert refused(pair.b) == {"replay": 1}


def test_each_member_is_signed(pair: Pair):
    envelope = json.loads(key_message())
    changes = {name: f"{value}0" for name, value in envelope.items() if isinstance(value, str)}
    changes |= {"timestamp": envelope["timestamp"] + 1, "payload": {}}
    for name, value in changes.items():
        assert pair.b.receiver.receive(json.dumps(envelope | {name: value}).encode(), "KP-A") == REFUSED
    for name, value in envelope["payload"].items():
        payload = envelope["payload"] | {name: f"{value}0"}
        assert pair.b.receiver.receive(json.dumps(envelope | {"payload": payload}).encode(), "KP-A") == REFUSED

    assert refused(pair.b) == {"mac": len(changes) - 1 + 6, "sender": 1}
    assert pair.b.nonces.seen == {}


@pytest.mark.parametrize("member", ["message_id", "payload", "signature"])
def test_a_member_that_stands_there_twice_is_refused(pair: Pair, member: str):
    envelope = json.loads(heartbeat())
    body = json.dumps(envelope)[:-1] + f', "{member}": {json.dumps(envelope[member])}}}'

    assert pair.b.receiver.receive(body.encode(), "KP-A") == REFUSED
    assert refused(pair.b) == {"malformed": 1}


def test_a_member_too_many_or_too_few_is_refused(pair: Pair):
    envelope = json.loads(heartbeat())

    pair.b.receiver.receive(json.dumps(envelope | {"more": 1}).encode(), "KP-A")
    envelope.pop("message_id")
    pair.b.receiver.receive(json.dumps(envelope).encode(), "KP-A")

    assert refused(pair.b) == {"malformed": 2}


def test_a_body_of_more_than_16_kib_is_refused(pair: Pair):
    assert pair.b.receiver.receive(heartbeat(payload={"status": "x" * (16 << 10)}), "KP-A") == REFUSED
    assert refused(pair.b) == {"size": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"key_size": 128},
        {"key_size": "256"},
        {"key_size": 256.0},
        {"key_id": "zz"},
        {"key_id": 5},
        {"key_id": 10**21},
        {"key_id": "a" * 17},
        {"key_id": "ab" * 8 + "\n"},
        {"created_at": LAST_SECOND - 60, "expires_at": LAST_SECOND},
        {"key_data": b64encode(Fernet(Fernet.generate_key()).encrypt(b"00" * 32)).decode()},
        {"key_data": "AAAA"},
        {"key_data": None},
        {"more": 1},
        {"created_at": "now"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(pair: Pair, changes: dict[str, object]):
    assert pair.b.receiver.receive(key_message(**changes), "KP-A") == REFUSED
    assert pair.b.keeper.keys == {}


def test_nesting_however_deep_is_refused(pair: Pair):
    envelope = json.loads(heartbeat())
    for depth in (*range(800, 1000, 10), *range(900, 1000), 7000):
        nested = json.dumps(envelope | {"payload": {"status": 0}}).replace("0}", "[" * depth + "]" * depth + "}")
        assert pair.b.receiver.receive(nested.encode(), "KP-A") == REFUSED

    assert set(refused(pair.b)) == {"malformed", "mac"}
    assert pair.b.nonces.seen == {}


@pytest.mark.parametrize("kind", ["void", "epoch_request", "ack", "sync"])
def test_only_the_three_types_of_the_profile_are_taken(pair: Pair, kind: str):
    assert pair.b.receiver.receive(heartbeat(message_type=kind), "KP-A") == REFUSED
    assert refused(pair.b) == {"type": 1}


def test_without_the_memory_of_messages_nothing_is_taken(pair: Pair):
    pair.b.nonces.away = True

    assert pair.b.receiver.receive(key_message(), "KP-A") == UNAVAILABLE
    assert pair.b.keeper.keys == {}


def test_what_nobody_thought_of_is_answered_as_unavailable_and_logged_by_its_type(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(peer: str) -> NoReturn:
        raise LookupError("bytes of a key")

    monkeypatch.setattr(pair.b.keeper, "psks", fail)

    assert pair.b.receiver.receive(heartbeat(), "KP-A") == UNAVAILABLE
    assert refused(pair.b) == {"failed": 1}
    assert "LookupError" in caplog.text
    assert "bytes of a key" not in caplog.text


def test_two_secrets_are_tried_at_most(pair: Pair):
    (old,) = pair.b.keeper.secrets["KP-A"]
    new = Psk("psk-2", PskState.CURRENT, b"new")
    pair.b.keeper.secrets["KP-A"] = [replace(old, state=PskState.RETIRING), new]
    assert pair.b.receiver.receive(heartbeat(), "KP-A").status == 200

    pair.b.keeper.secrets["KP-A"] = [Psk("x", PskState.NEXT, b"x"), replace(old, state=PskState.RETIRING), new]
    assert pair.b.receiver.receive(heartbeat(message_id="2" * 32), "KP-A") == REFUSED


def test_keys_cannot_be_voided_there_and_are_left_to_expire(pair: Pair):
    pair.a.sender.void("KP-B", None)

    assert pair.to_b.sent == []


def test_what_the_peer_can_do_is_noted(pair: Pair):
    told = {"localSystemID": "KP-A", "remoteSystemID": ["KP-B"], "algorithm": "PRF", "entropy": True, "key": True}
    body = heartbeat(message_type="capability_exchange", payload=told)

    assert pair.b.receiver.receive(body, "KP-A").status == 200
    assert pair.b.keeper.capable["KP-A"].profiles == (Profile.V1,)


def test_keys_that_were_answered_count_though_a_later_one_was_not(pair: Pair):
    ok = WireAnswer(200, b'{"status": "ok"}')
    pair.to_b.change_answer = [ok, WireAnswer(400, b'{"error": "refused"}'), ok, WireAnswer(503, b"")]
    items = [make_key(number) for number in range(6)]

    ack = pair.a.sender.push("KP-B", items)

    assert [(verdict.key_id, verdict.status) for verdict in ack.verdicts] == [
        (items[0].key_id, KeyStatus.STORED),
        (items[1].key_id, KeyStatus.REFUSED),
        (items[2].key_id, KeyStatus.STORED),
    ]
    assert len(pair.to_b.sent) == 4


def test_a_peer_that_takes_no_key_at_all_refuses_us_and_not_the_keys(pair: Pair):
    pair.to_b.change_answer = [WireAnswer(400, b'{"error": "refused"}')] * 2

    with pytest.raises(PeerRefusedError):
        pair.a.sender.push("KP-B", [make_key(1), make_key(2)])
