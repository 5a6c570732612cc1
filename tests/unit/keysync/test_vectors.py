"""What was written once can be read for ever: frozen messages of both wire profiles."""

import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet

from strongroom.keysync import acks, envelope_v1, envelope_v2, epochs
from strongroom.keysync.derivation import (
    Direction,
    Purpose,
    derive_from_epoch,
    derive_key,
    derive_message_key,
)
from strongroom.keysync.keeping import Psk, PskState
from strongroom.keysync.messages import Heartbeat, KeyStatus, KeySync, MessageType
from strongroom.keysync.payloads import decode, decode_capabilities, encode, from_base64, type_of
from strongroom.keysync.strict_json import parse_object
from tests.vectors.keysync.generate import (
    CAPABILITIES,
    FILE,
    ITEMS,
    MESSAGE_ID,
    MESSAGES,
    MESSAGES_V1,
    PSK,
    UNDER_NO_EPOCH,
    WAY,
    header,
    requester_key,
)

V1 = json.loads(FILE.with_name("profile-v1.json").read_text(encoding="utf-8"))
V2 = json.loads(FILE.read_text(encoding="utf-8"))
OTHERS, OTHERS_V1 = (json.loads(path.read_text(encoding="utf-8")) for path in (MESSAGES, MESSAGES_V1))


def test_the_signature_of_profile_v1():
    vector = V1["signature"]

    assert envelope_v1.sign(vector["envelope"], vector["secret"].encode()) == vector["signature"]


def test_the_signature_of_profile_v1_is_taken():
    vector = V1["signature"]
    psk = Psk("1", PskState.CURRENT, vector["secret"].encode())

    verified = envelope_v1.verify(vector["envelope"] | {"signature": vector["signature"]}, [psk], "Alice")

    assert verified.open() == Heartbeat("online")


def test_the_token_of_profile_v1():
    vector = V1["fernet"]
    fernet = Fernet(urlsafe_b64encode(bytes.fromhex(vector["key"])))

    assert fernet.decrypt(vector["token"]).decode() == vector["plaintext"]
    assert fernet.extract_timestamp(vector["token"]) == vector["time"]


@pytest.mark.parametrize("ids", [("Alice", "Bob"), ("Bob", "Alice")])
def test_the_token_of_a_pair_in_profile_v1(ids: tuple[str, str]):
    vector = V1["pair"]
    psk = Psk("1", PskState.CURRENT, vector["secret"].encode())

    assert envelope_v1.fernet_of(psk, Direction(*ids)).decrypt(vector["token"]).decode() == vector["plaintext"]


@pytest.mark.parametrize("purpose", list(Purpose))
def test_derived_keys(purpose: Purpose):
    assert derive_key(PSK.secret, purpose, WAY).hex() == V2["derived"][purpose]
    assert derive_key(PSK.secret, purpose, WAY.turned()).hex() == V2["derived_back"][purpose]


def test_no_two_derived_keys_are_the_same():
    keys = [*V2["derived"].values(), *V2["derived_back"].values()]

    assert len(set(keys)) == 2 * len(Purpose)


def test_the_key_of_a_message():
    made = derive_message_key(bytes.fromhex(V2["derived"]["enc"]), MESSAGE_ID)

    assert (made.key.hex(), made.nonce.hex()) == (V2["message_key"], V2["message_nonce"])


def test_a_heartbeat_is_sealed_byte_for_byte():
    base, mac_key = (derive_key(PSK.secret, purpose, WAY) for purpose in (Purpose.ENCRYPTION, Purpose.MAC))

    sealed = envelope_v2.seal(header("heartbeat", 0), encode(Heartbeat("online", 5)), base, mac_key)

    assert sealed.decode() == V2["heartbeat"]


def test_a_heartbeat_is_opened():
    verified = envelope_v2.verify(parse_object(V2["heartbeat"]), [PSK], WAY, Purpose.MAC)

    plaintext = verified.open(derive_key(PSK.secret, Purpose.ENCRYPTION, WAY))

    assert decode(MessageType.HEARTBEAT, plaintext) == Heartbeat("online", 5)


def test_an_epoch_is_agreed_on():
    vector, own = V2["epoch"], requester_key()
    assert own.public_key.hex() == vector["public_key"]

    secret = epochs.open_answer(own, WAY, (vector["number"], bytes.fromhex(vector["sealed"])), PSK)

    assert secret.hex() == vector["secret"]
    assert derive_from_epoch(secret, WAY).hex() == vector["base"]


def test_keys_in_a_compressed_message_are_opened():
    verified = envelope_v2.verify(parse_object(V2["key_sync"]), [PSK], WAY, Purpose.MAC)
    assert verified.header.zip == "zstd"

    message = decode(MessageType.KEY_SYNC, verified.open(bytes.fromhex(V2["epoch"]["base"])))

    assert message == KeySync(ITEMS)


def test_an_ack_is_opened_and_proves_the_keys():
    header, body = acks.open_ack(V2["ack"].encode(), WAY.turned(), PSK, MESSAGE_ID)

    verdicts = acks.read_verdicts(body, ITEMS, PSK, WAY.turned())

    assert header.boot == 9
    assert {verdict.status for verdict in verdicts} == {KeyStatus.STORED}


@pytest.mark.parametrize("name", UNDER_NO_EPOCH)
def test_every_other_message_is_sealed_byte_for_byte_and_opened(name: str):
    message = UNDER_NO_EPOCH[name]
    base, mac_key = (derive_key(PSK.secret, purpose, WAY) for purpose in (Purpose.ENCRYPTION, Purpose.MAC))

    verified = envelope_v2.verify(parse_object(OTHERS[name]), [PSK], WAY, Purpose.MAC)

    kind = MessageType(verified.header.type)
    assert kind == type_of(message)
    assert decode(kind, verified.open(base)) == message
    assert envelope_v2.seal(header(kind.value, 0), encode(message), base, mac_key).decode() == OTHERS[name]


def test_an_ack_with_an_epoch_is_opened_and_gives_its_secret():
    _, body = acks.open_ack(OTHERS["epoch_ack"].encode(), WAY.turned(), PSK, MESSAGE_ID)

    assert body.epoch is not None
    secret = epochs.open_answer(requester_key(), WAY, (body.epoch.number, from_base64(body.epoch.sealed)), PSK)
    assert len(secret) == 32


def test_an_ack_with_capabilities_is_opened():
    _, body = acks.open_ack(OTHERS["capability_ack"].encode(), WAY.turned(), PSK, MESSAGE_ID)

    assert body.capabilities is not None
    assert decode_capabilities(body.capabilities) == CAPABILITIES


def test_an_ack_of_a_conflict_proves_nothing_of_the_key():
    _, body = acks.open_ack(OTHERS["conflict_ack"].encode(), WAY.turned(), PSK, MESSAGE_ID)

    [verdict] = acks.read_verdicts(body, ITEMS[:1], PSK, WAY.turned())
    assert verdict.status is KeyStatus.CONFLICT


def test_a_key_in_a_whole_message_of_profile_v1_is_taken():
    verified = envelope_v1.verify(parse_object(OTHERS_V1["key_sync"]), [PSK], "KP-A")

    assert verified.open() == KeySync(ITEMS[:1])


def test_capabilities_in_a_whole_message_of_profile_v1_are_taken():
    verified = envelope_v1.verify(parse_object(OTHERS_V1["capability_exchange"]), [PSK], "KP-A")

    assert verified.open() == CAPABILITIES
