"""Keys count as sent only when the peer proves that it has the same bytes."""

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from strongroom.keysync import acks
from strongroom.keysync.derivation import Direction
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.messages import Heartbeat, KeyStatus, KeyVerdict, Profile
from strongroom.keysync.payloads import AckBody
from strongroom.keysync.refusals import MessageRefusedError
from strongroom.keysync.wire_errors import NoSecretError, PeerAnswerError, PeerRefusedError, PeerUnreachableError
from strongroom.keysync.wires import WireAnswer
from tests.unit.keysync.memory import Pair, make_key, make_pair, refused

STORED = [KeyStatus.STORED]


@pytest.fixture
def pair() -> Pair:
    return make_pair()


def statuses(ack) -> list[KeyStatus]:
    return [verdict.status for verdict in ack.verdicts]


@pytest.mark.parametrize("bits", [128, 192, 256, 384, 512])
def test_keys_arrive_as_they_were_sent(pair: Pair, bits: int):
    items = [make_key(number, bits=bits) for number in range(5)]

    ack = pair.a.sender.push("KP-B", items)

    assert statuses(ack) == STORED * 5
    assert list(pair.b.keeper.keys.values()) == items
    assert ack.sign.boot == pair.b.keeper.own_boot


def test_no_byte_of_a_key_is_seen_on_the_way(pair: Pair):
    item = make_key(1)

    pair.a.sender.push("KP-B", [item])

    assert all(item.key not in body and item.key.hex().encode() not in body for body in pair.to_b.sent)
    assert item.key.hex() not in repr(item)


@pytest.mark.parametrize("member", ["protected", "ciphertext", "mac"])
def test_an_ack_with_a_changed_character_confirms_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch, member: str):
    pair.a.sender.push("KP-B", [make_key(0)])
    post, places = pair.to_b.post, range(0, 40, 3)

    def change(place: int, body: bytes, timeout_seconds: float) -> WireAnswer:
        answer = post(body, timeout_seconds)
        envelope = json.loads(answer.body)
        text = envelope[member]
        other = "A" if text[place] != "A" else "B"
        changed = envelope | {member: text[:place] + other + text[place + 1 :]}
        return WireAnswer(answer.status, json.dumps(changed).encode())

    for place in places:
        monkeypatch.setattr(pair.to_b, "post", partial(change, place))
        with pytest.raises(PeerAnswerError):
            pair.a.sender.push("KP-B", [make_key(1 + place)])


def test_a_batch_of_many_keys_is_compressed(pair: Pair):
    pair.a.sender.push("KP-B", [make_key(number) for number in range(500)])

    assert len(pair.to_b.sent[-1]) < 500 * 80
    assert len(pair.b.keeper.keys) == 500


def test_both_sides_may_send_under_one_epoch(pair: Pair):
    pair.a.sender.push("KP-B", [make_key(1)])
    pair.b.sender.push("KP-A", [make_key(1, "KP-B")])

    assert len(pair.a.keeper.epochs) == len(pair.b.keeper.epochs) == 1
    assert pair.a.keeper.epochs[0].secret == pair.b.keeper.epochs[0].secret


def test_a_new_epoch_is_agreed_on_after_an_hour(pair: Pair):
    pair.a.sender.push("KP-B", [make_key(1)])
    pair.clock.move(3600)
    pair.a.sender.push("KP-B", [make_key(2)])

    assert len({epoch.secret for epoch in pair.a.keeper.epochs}) == 2


def test_a_new_epoch_is_agreed_on_after_many_messages(pair: Pair):
    pair.a.sender.push("KP-B", [make_key(1)])
    pair.a.keeper.epochs = [replace(epoch, first_seq=-100_000) for epoch in pair.a.keeper.epochs]
    pair.a.sender.push("KP-B", [make_key(2)])

    assert len(pair.a.keeper.epochs) == 2


def test_a_peer_that_lost_its_epochs_is_given_a_new_one(pair: Pair):
    pair.a.sender.push("KP-B", [make_key(1)])
    pair.b.keeper.epochs.clear()

    assert statuses(pair.a.sender.push("KP-B", [make_key(2)])) == STORED
    assert refused(pair.b) == {"epoch": 1}


def test_of_many_threads_that_need_an_epoch_one_agrees_on_it(pair: Pair):
    with ThreadPoolExecutor(8) as threads:
        acks_of_all = list(threads.map(lambda n: pair.a.sender.push("KP-B", [make_key(n)]), range(32)))

    assert [statuses(ack) for ack in acks_of_all] == [STORED] * 32
    assert len(pair.b.keeper.epochs) == 1


def test_an_epoch_goes_with_the_secret_it_was_mixed_with(pair: Pair):
    pair.a.sender.push("KP-B", [make_key(1)])
    for provider, peer in ((pair.a, "KP-B"), (pair.b, "KP-A")):
        provider.keeper.secrets[peer] = [Psk("psk-2", PskState.CURRENT, bytes(32))]

    assert statuses(pair.a.sender.push("KP-B", [make_key(2)])) == STORED
    assert len(pair.b.keeper.epochs) == 2


def test_a_lost_ack_leads_to_the_same_keys_again_and_no_second_effect(pair: Pair):
    items = [make_key(1)]
    pair.a.sender.push("KP-B", [make_key(0)])
    pair.to_b.change_answer = [WireAnswer(503, b"{}")]
    with pytest.raises(PeerAnswerError):
        pair.a.sender.push("KP-B", items)

    assert statuses(pair.a.sender.push("KP-B", items)) == [KeyStatus.DUPLICATE]
    assert len(pair.b.keeper.keys) == 2


@pytest.mark.parametrize("body", [b"", b"{}", b'{"status": "ok"}', b'{"status": "error"}'])
def test_a_status_of_200_alone_is_no_ack(pair: Pair, body: bytes):
    pair.to_b.change_answer = [WireAnswer(200, body)]

    with pytest.raises(PeerAnswerError):
        pair.a.sender.heartbeat("KP-B", Heartbeat())


def test_the_ack_of_another_message_is_none(pair: Pair):
    pair.a.sender.heartbeat("KP-B", Heartbeat())
    pair.to_b.change_answer = [pair.to_b.answers[-1]]

    with pytest.raises(PeerAnswerError, match="replay"):
        pair.a.sender.heartbeat("KP-B", Heartbeat())


def test_our_own_message_sent_back_is_no_ack(pair: Pair):
    pair.a.sender.heartbeat("KP-B", Heartbeat())
    pair.to_b.change_answer = [WireAnswer(200, pair.to_b.sent[-1])]

    with pytest.raises(PeerAnswerError):
        pair.a.sender.heartbeat("KP-B", Heartbeat())


def test_an_ack_for_other_bytes_is_none(pair: Pair):
    sent, kept, way = make_key(1), make_key(1), Direction("KP-B", "KP-A")
    rows = acks.key_rows([kept], [KeyVerdict(kept.key_id, KeyStatus.STORED)], psk(pair), way)

    assert acks.read_verdicts(AckBody("0" * 32, rows), [kept], psk(pair), way)
    with pytest.raises(MessageRefusedError):
        acks.read_verdicts(AckBody("0" * 32, rows), [sent], psk(pair), way)


def test_an_ack_for_other_keys_is_none(pair: Pair):
    rows = acks.key_rows([make_key(2)], [KeyVerdict("", KeyStatus.STORED)], psk(pair), Direction("KP-B", "KP-A"))

    with pytest.raises(MessageRefusedError):
        acks.read_verdicts(AckBody("0" * 32, rows), [make_key(1)], psk(pair), Direction("KP-B", "KP-A"))


def psk(pair: Pair) -> Psk:
    return pair.a.keeper.psks("KP-B")[0]


def test_a_peer_that_refuses_has_kept_nothing(pair: Pair):
    pair.b.keeper.secrets["KP-A"] = [Psk("psk-9", PskState.CURRENT, bytes(32))]

    with pytest.raises(PeerRefusedError):
        pair.a.sender.push("KP-B", [make_key(1)])


def test_without_a_secret_nothing_is_sent(pair: Pair):
    pair.a.keeper.secrets.clear()

    with pytest.raises(NoSecretError):
        pair.a.sender.push("KP-B", [make_key(1)])
    assert pair.to_b.sent == []


def test_a_secret_that_is_next_is_confirmed_by_a_heartbeat_under_it(pair: Pair):
    for provider, peer in ((pair.a, "KP-B"), (pair.b, "KP-A")):
        provider.keeper.secrets[peer].append(Psk("psk-2", PskState.NEXT, bytes(range(1, 33))))

    ack = pair.a.sender.heartbeat("KP-B", Heartbeat(), psk_id="psk-2")

    assert ack.sign.psk_id == "psk-2"
    assert pair.b.keeper.signs[-1].psk_id == "psk-2"


def test_a_secret_that_is_retiring_is_still_taken(pair: Pair):
    old = pair.b.keeper.secrets["KP-A"][0]
    pair.b.keeper.secrets["KP-A"] = [
        Psk("psk-2", PskState.CURRENT, bytes(32)),
        replace(old, state=PskState.RETIRING),
    ]

    assert statuses(pair.a.sender.push("KP-B", [make_key(1)])) == STORED


def test_the_peers_clock_is_told(pair: Pair):
    pair.b.receiver._clock = replace(pair.clock, at=pair.clock.at + timedelta(seconds=40))

    assert pair.a.sender.heartbeat("KP-B", Heartbeat()).offset == timedelta(seconds=40)


def test_capabilities_are_told_both_ways_and_never_get_less(pair: Pair):
    pair.a.sender.exchange("KP-B")

    assert pair.a.keeper.capable["KP-B"].local_id == "KP-B"
    assert pair.b.keeper.capable["KP-A"].profiles == (Profile.V1, Profile.V2)

    pair.a.sender._speaker = replace(
        pair.a.sender._speaker, ours=replace(pair.a.sender._speaker.ours, profiles=(Profile.V1,))
    )
    pair.a.sender.exchange("KP-B")

    assert pair.b.keeper.capable["KP-A"].profiles == (Profile.V1, Profile.V2)


def test_when_the_time_is_over_nothing_more_is_sent(pair: Pair):
    with pytest.raises(PeerUnreachableError):
        pair.a.sender.push("KP-B", [make_key(1)], within=0.0)
    assert pair.to_b.sent == []


def test_keys_and_secrets_are_not_pickled(pair: Pair):
    for secret in (make_key(1), psk(pair)):
        with pytest.raises(TypeError):
            copy.deepcopy(secret)


def test_messages_are_json_of_integers_and_strings(pair: Pair):
    pair.a.sender.heartbeat("KP-B", Heartbeat())

    assert set(json.loads(pair.to_b.sent[-1])) == {"protected", "ciphertext", "mac"}
