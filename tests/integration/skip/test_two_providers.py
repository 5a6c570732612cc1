"""Two whole providers: real catalogs, real TLS, a real Valkey; keys made by one are served by the other, each once."""

import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.alerts.acting import list_active
from strongroom.keysync.beating import beat_all
from strongroom.keysync.giving_errors import NoKeyNowError, UnknownKeyError
from strongroom.keysync.keeping import PskState
from strongroom.keysync.messages import KeyItem, KeyStatus
from strongroom.keysync.refilling import refill_all
from strongroom.keysync.wire_errors import PeerRefusedError
from tests.integration.skip.wired import Sites, client_of, listen, new_key, open_sites, say_again
from tests.services.valkey import Valkey


@pytest.fixture
def sites(tmp_path: Path, catalog_url: str, _sqlite_template: Path, valkey: Valkey) -> Iterator[Sites]:
    """Provider A on a SQLite file, and B on the catalog under test; both faces run."""
    shutil.copy(_sqlite_template, tmp_path / "a.db")
    with open_sites(tmp_path, (f"sqlite:///{tmp_path / 'a.db'}", catalog_url), valkey) as opened:
        yield opened


def statuses(sites: Sites, *items: KeyItem) -> list[KeyStatus]:
    return [verdict.status for verdict in sites.a.sender.push("KP-B", items).verdicts]


def test_every_key_that_is_given_can_be_fetched_at_once_and_once(sites: Sites):
    for one, other, names in ((sites.a, sites.b, ("KP-B", "KP-A")), (sites.b, sites.a, ("KP-A", "KP-B"))):
        assert beat_all(one.provider)
        assert refill_all(one.provider)
        for bits in [256] * 45 + [128, 192, 512]:
            given = one.provider.delivery.take(names[0], bits)
            assert other.provider.delivery.fetch(given.key_id, names[1]) == given.key
            with pytest.raises(UnknownKeyError):
                other.provider.delivery.fetch(given.key_id, names[1])
            with pytest.raises(UnknownKeyError):
                one.provider.delivery.fetch(given.key_id, names[0])


def test_nothing_brings_a_key_back_that_was_given_out(sites: Sites):
    heard, item = listen(sites.a, "KP-B"), new_key()
    assert statuses(sites, item) == [KeyStatus.STORED]
    assert sites.b.provider.delivery.fetch(item.key_id, "KP-A") == item.key

    assert say_again(sites, heard[-1]) == (400, b'{"error":"refused"}')
    assert statuses(sites, item) == [KeyStatus.REFUSED]
    with pytest.raises(UnknownKeyError):
        sites.b.provider.delivery.fetch(item.key_id, "KP-A")


def test_a_lost_ack_leads_to_one_key(sites: Sites):
    item = new_key()
    assert statuses(sites, item) == [KeyStatus.STORED]

    assert statuses(sites, item) == [KeyStatus.DUPLICATE]
    assert sites.b.provider.delivery.fetch(item.key_id, "KP-A") == item.key


def test_another_key_under_a_known_id_is_a_conflict_with_an_alert(sites: Sites):
    item = new_key()
    statuses(sites, item)

    assert statuses(sites, replace(item, key=bytes(32)), new_key()) == [KeyStatus.CONFLICT, KeyStatus.STORED]
    assert sites.b.provider.delivery.fetch(item.key_id, "KP-A") == item.key
    with sites.b.provider.catalog.read() as session:
        assert [alert.source for alert in list_active(session, limit=5)] == ["KP-A"]


def test_voided_keys_are_served_no_more(sites: Sites):
    items = [new_key(), new_key()]
    statuses(sites, *items)

    sites.a.sender.void("KP-B", [items[0].key_id])
    with pytest.raises(UnknownKeyError):
        sites.b.provider.delivery.fetch(items[0].key_id, "KP-A")
    sites.a.sender.void("KP-B", None)
    with pytest.raises(UnknownKeyError):
        sites.b.provider.delivery.fetch(items[1].key_id, "KP-A")


def test_without_redis_no_key_is_taken_nor_given(sites: Sites):
    assert statuses(sites, new_key()) == [KeyStatus.STORED]
    sites.valkey.stop()

    with pytest.raises(NoKeyNowError):
        sites.a.provider.delivery.take("KP-B")
    sites.valkey.start()
    # The first message is older than the new memory and refused; the sender says it again.
    given = sites.a.provider.delivery.take("KP-B", 128)
    assert sites.b.provider.delivery.fetch(given.key_id, "KP-A") == given.key


def test_peers_know_each_other_and_how_each_is(sites: Sites):
    sites.a.sender.exchange("KP-B")
    beat_all(sites.a.provider)

    told = sites.b.provider.store.told("KP-A")
    assert told is not None
    assert told.remote_ids == ("KP-B",)
    with client_of(sites.a, sites.b) as client:
        status = client.get("/status/sync").json()
        health = client.get("/status/health")
    assert (status["local_system_id"], health.status_code) == ("KP-B", 200)
    assert status.keys() == {"sync_enabled", "local_system_id", "peer"}
    assert status["peer"]["last_heartbeat"]
    assert status["peer"]["capabilities"]["local_id"] == "KP-A"
    assert health.json().keys() == {"status", "sync", "keys"}
    assert health.json()["sync"]["missed_heartbeats"] == 0


def test_every_message_that_is_taken_stands_in_the_log(sites: Sites, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "strongroom.keysync"):
        key = new_key()
        assert statuses(sites, key) == [KeyStatus.STORED]

    assert re.search(r"skip.taken type=key_sync peer=KP-A message=[0-9a-f]{32} status=200", caplog.text)
    assert key.key.hex() not in caplog.text


def test_health_counts_the_keys_of_the_pair(sites: Sites):
    with client_of(sites.a, sites.b) as client:
        before = client.get("/status/health").json()["keys"]
        assert statuses(sites, new_key()) == [KeyStatus.STORED]
        after = client.get("/status/health").json()["keys"]

    assert {name: after[name] - before[name] for name in after} == {"ours": 0, "theirs": 1, "ids_kept": 1}


def test_a_secret_is_replaced_while_keys_flow(sites: Sites):
    for site, peer in ((sites.a, "KP-B"), (sites.b, "KP-A")):
        site.provider.psks.install(peer, "p2", bytes(range(1, 33)))
        assert statuses(sites, new_key()) == [KeyStatus.STORED]

    beat_all(sites.a.provider)

    for site, peer in ((sites.a, "KP-B"), (sites.b, "KP-A")):
        states = {psk.psk_id: psk.state for psk in site.provider.store.psks(peer)}
        assert states == {"p1": PskState.RETIRING, "p2": PskState.CURRENT}
    assert statuses(sites, new_key()) == [KeyStatus.STORED]


def test_a_secret_that_was_revoked_opens_nothing(sites: Sites):
    item = new_key()
    statuses(sites, item)

    sites.b.provider.psks.revoke("KP-A")

    with pytest.raises(PeerRefusedError):
        sites.a.sender.push("KP-B", [new_key()])
    with pytest.raises(UnknownKeyError):
        sites.b.provider.delivery.fetch(item.key_id, "KP-A")
