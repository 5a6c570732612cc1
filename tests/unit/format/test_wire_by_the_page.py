"""The page of the messages is enough to write another provider: what was written from it opens every frozen message."""

import ast
import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from tests.unit.format import wire_by_the_page
from tests.unit.format.wire_by_the_page import epoch_secret, open_message, open_v1, proof_of

FOLDER = Path(__file__).parents[2] / "vectors" / "keysync"
SECRET = bytes(range(32))
SEEDS = (bytes(range(64)), bytes(range(32)))
WAY = ("KP-A", "KP-B")
KEYS = {f"{n:032x}": bytes([n]) * 32 for n in range(1, 21)}


def frozen(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


V2, OTHERS, V1 = frozen("profile-v2"), frozen("profile-v2-messages"), frozen("profile-v1-messages")
UNDER_NO_EPOCH = {
    name: text for name, text in {**V2, **OTHERS}.items() if isinstance(text, str) and "protected" in text
}
UNDER_NO_EPOCH.pop("key_sync")


def test_it_knows_nothing_of_strongroom() -> None:
    tree = ast.parse(Path(wire_by_the_page.__file__).read_text(encoding="utf-8"))
    names = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    foreign = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert foreign == {"cryptography", "zstandard"}


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("heartbeat", {"status", "pool"}),
        ("void", {"keys"}),
        ("void_all", {"keys"}),
        ("capability_exchange", {"local", "remotes", "algorithm", "profiles"}),
        ("epoch_request", {"public"}),
        ("ack", {"re", "keys"}),
        ("epoch_ack", {"re", "epoch"}),
        ("capability_ack", {"re", "capabilities"}),
        ("conflict_ack", {"re", "keys"}),
    ],
)
def test_every_message_opens_and_says_what_the_page_says(name: str, members: set[str]) -> None:
    header, body = open_message(UNDER_NO_EPOCH[name], SECRET)

    assert {header["sender"], header["receiver"]} == set(WAY)
    assert {member for member, value in body.items() if value is not None or name == "void_all"} >= members


def test_keys_open_under_the_epoch_that_was_agreed_on_and_the_ack_proves_them() -> None:
    answer = {"number": V2["epoch"]["number"], "sealed": b64encode(bytes.fromhex(V2["epoch"]["sealed"]))}
    epoch = epoch_secret(answer, SEEDS, SECRET, WAY)
    header, body = open_message(V2["key_sync"], SECRET, epoch)
    _, ack = open_message(UNDER_NO_EPOCH["ack"], SECRET)

    assert epoch.hex() == V2["epoch"]["secret"]
    assert {row[0]: b64decode(row[1]) for row in body["keys"]} == KEYS
    assert ack["re"] == header["msg_id"]
    assert ack["keys"] == [[key_id, "stored", proof_of(key, SECRET, *reversed(WAY))] for key_id, key in KEYS.items()]


def test_the_ack_of_a_request_has_what_makes_an_epoch() -> None:
    _, answer = open_message(UNDER_NO_EPOCH["epoch_ack"], SECRET)

    assert answer["epoch"].keys() == {"number", "sealed"}
    assert len(epoch_secret(answer["epoch"], SEEDS, SECRET, WAY)) == 32


def test_messages_of_the_first_profile_open() -> None:
    assert open_v1(V1["key_sync"], SECRET)["key"] == KEYS[f"{1:032x}"]
    assert open_v1(V1["capability_exchange"], SECRET)["localSystemID"] == "KP-A"


@pytest.mark.parametrize("name", UNDER_NO_EPOCH)
@pytest.mark.parametrize("part", ["protected", "ciphertext", "mac"])
def test_a_changed_message_does_not_open(name: str, part: str) -> None:
    message = json.loads(UNDER_NO_EPOCH[name])
    turned = "B" if message[part][20] != "B" else "C"
    message[part] = message[part][:20] + turned + message[part][21:]

    with pytest.raises((ValueError, InvalidTag, KeyError)):
        open_message(json.dumps(message), SECRET)
