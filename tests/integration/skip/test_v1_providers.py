"""Two whole providers that speak profile v1 and nothing else: real catalogs, real TLS, a real Valkey."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.keysync import opening
from strongroom.keysync.beating import beat_all
from strongroom.keysync.giving_errors import UnknownKeyError
from strongroom.keysync.messages import KeyStatus, Profile
from strongroom.keysync.refilling import refill_all
from strongroom.keysync.wire_errors import PeerRefusedError, PeerUnreachableError
from strongroom.keysync.wires import WireAnswer
from tests.integration.skip.wired import Shape, Sites, listen, new_key, open_sites, say_again
from tests.services.valkey import Valkey

MEMBERS = {"message_id", "sender_id", "receiver_id", "message_type", "timestamp", "payload", "signature"}


@pytest.fixture
def sites(
    tmp_path: Path,
    postgres_catalog_url: str,
    _sqlite_template: Path,
    valkey: Valkey,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sites]:
    """Provider A on a SQLite file, and B on PostgreSQL."""
    whole = opening.capabilities_of
    monkeypatch.setattr(opening, "capabilities_of", lambda skip: replace(whole(skip), profiles=(Profile.V1,)))
    shutil.copy(_sqlite_template, tmp_path / "a.db")
    urls = (f"sqlite:///{tmp_path / 'a.db'}", postgres_catalog_url)
    with open_sites(tmp_path, urls, valkey, Shape(profile="v1")) as opened:
        # Until they know of each other that they speak nothing else they ask.
        opened.a.sender.exchange("KP-B")
        opened.b.sender.exchange("KP-A")
        yield opened


def test_keys_flow_both_ways_and_each_is_given_once(sites: Sites) -> None:
    heard = listen(sites.a, "KP-B")
    for one, other, names in ((sites.a, sites.b, ("KP-B", "KP-A")), (sites.b, sites.a, ("KP-A", "KP-B"))):
        one.sender.exchange(names[0])
        beat_all(one.provider)
        assert refill_all(one.provider) == [names[0]]
        for bits in [256] * 5 + [128, 192, 512]:
            given = one.provider.delivery.take(names[0], bits)
            assert other.provider.delivery.fetch(given.key_id, names[1]) == given.key
            with pytest.raises(UnknownKeyError):
                other.provider.delivery.fetch(given.key_id, names[1])
            with pytest.raises(UnknownKeyError):
                one.provider.delivery.fetch(given.key_id, names[0])

    said = [json.loads(body) for body in heard]
    assert {frozenset(message) for message in said} == {frozenset(MEMBERS)}
    assert {message["message_type"] for message in said} == {"heartbeat", "key_sync", "capability_exchange"}


def test_nothing_brings_a_key_back_that_was_given_out(sites: Sites) -> None:
    heard, item = listen(sites.a, "KP-B"), new_key()
    assert [verdict.status for verdict in sites.a.sender.push("KP-B", [item]).verdicts] == [KeyStatus.STORED]
    again = sites.a.sender.push("KP-B", [item])
    assert again.verdicts[0].status in {KeyStatus.STORED, KeyStatus.DUPLICATE}
    assert sites.b.provider.delivery.fetch(item.key_id, "KP-A") == item.key

    assert [say_again(sites, body) for body in heard] == [(400, b'{"error":"refused"}')] * 2
    with pytest.raises(PeerRefusedError):
        sites.a.sender.push("KP-B", [item])
    with pytest.raises(UnknownKeyError):
        sites.b.provider.delivery.fetch(item.key_id, "KP-A")


def test_another_key_under_a_known_id_changes_nothing(sites: Sites) -> None:
    heard, item = listen(sites.a, "KP-B"), new_key()
    sites.a.sender.push("KP-B", [item])

    conflict = sites.a.sender.push("KP-B", [replace(item, key=bytes(32))])

    assert [verdict.status for verdict in conflict.verdicts] == [KeyStatus.CONFLICT]
    assert sites.b.provider.delivery.fetch(item.key_id, "KP-A") == item.key
    assert len(heard) == 2


def test_a_message_that_was_changed_on_the_way_is_refused(sites: Sites) -> None:
    kept: list[bytes] = []

    def hold(body: bytes, timeout_seconds: float) -> WireAnswer:
        kept.append(body)
        raise PeerUnreachableError("Held on the way.", next_step="Let it go on.")

    sites.a.sender._wires("KP-B").post = hold  # type: ignore[method-assign]  # as somebody on the way could
    with pytest.raises(PeerUnreachableError):
        sites.a.sender.push("KP-B", [new_key()])

    for member in MEMBERS:
        assert (member, say_again(sites, changed(kept[0], member))) == (member, (400, b'{"error":"refused"}'))
    assert say_again(sites, kept[0])[0] == 200


def changed(body: bytes, member: str) -> bytes:
    message = json.loads(body)
    if member == "payload":
        message["payload"]["key_size"] = 128
    else:
        message[member] = message[member] + 1 if member == "timestamp" else f"{message[member]}x"
    return json.dumps(message).encode()
