"""Faces of two sites, real processes on databases of their own, while what they need is stopped, killed or restored."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from strongroom.catalog.base import Base
from strongroom.cli.main import main
from strongroom.keysync.beating import beat_all
from strongroom.keysync.messages import Heartbeat
from strongroom.keysync.refilling import refill_all
from strongroom.tree.mark import ROWS_STAY_OUT
from tests.e2e.deployment import eventually
from tests.e2e.providers import opened
from tests.e2e.spying import holds, tables_of
from tests.e2e.town import Town, asking, open_town
from tests.services.ports import ReservedPort
from tests.services.proxy import TcpProxy
from tests.services.psk_clients import PskClient
from tests.services.valkey import Valkey

SOURCE = """
[sources.catalog]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "{dbname}"
user = "{user}"
password_env = "CATALOG_PASSWORD"
"""
MARKED = {name for name, table in Base.metadata.tables.items() if (table.comment or "").startswith(ROWS_STAY_OUT)}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, start_valkey: Callable[[], Valkey]) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("town"), start_valkey, source=SOURCE) as running:
        yield running


def test_of_fifty_that_ask_two_processes_at_once_one_gets_the_key(town: Town) -> None:
    for _ in range(3):
        given = town.give()
        start = threading.Barrier(50)

        def fetch(number: int, start: threading.Barrier = start, key_id: str = given["keyId"]) -> httpx.Response:
            with town.porto.encryptor(town.another if number % 2 else None) as there:
                assert there.get("/capabilities").status_code == 200
                start.wait(60)
                return there.get(f"/key/{key_id}", params=asking(town.lisbon))

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(fetch, range(50)))

        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 49}
        assert [answer.json() for answer in answers if answer.status_code == 200] == [given]


def test_a_face_that_is_killed_between_commit_and_answer_has_used_the_key_up(town: Town) -> None:
    given = town.give()
    with ThreadPoolExecutor(1) as pool:
        with town.commits_that_wait():
            answer = pool.submit(town.fetch, given["keyId"])
            eventually(town.spends_and_waits, "the key is spent, and nobody was told", seconds=30)
            town.porto.kill("encryptor")
        with pytest.raises(httpx.TransportError):
            answer.result()

    assert given["keyId"] not in town.unspent("porto")
    assert town.fetch(given["keyId"], town.another).status_code == 400
    town.porto.start_process("encryptor", "api", "encryptor")
    town.porto.await_faces()
    assert town.fetch(given["keyId"]).status_code == 400


def test_a_key_whose_taker_was_never_answered_is_given_to_nobody_else(town: Town) -> None:
    with opened(town.lisbon) as provider:
        refill_all(provider)
    pooled = town.pooled()
    with ThreadPoolExecutor(1) as pool:
        with town.commits_that_wait():
            answer = pool.submit(town.give)
            eventually(town.spends_and_waits, "the key is spent, and nobody was told", seconds=30)
            town.lisbon.kill("encryptor")
        with pytest.raises(httpx.TransportError):
            answer.result()
    eventually(lambda: not town.spends_and_waits(), "the commit is over")
    [lost] = pooled - town.pooled()

    town.lisbon.start_process("encryptor", "api", "encryptor")
    town.lisbon.await_faces()
    assert len(pooled) >= 16
    assert {town.give()["keyId"] for _ in range(len(pooled) - 1)} == pooled - {lost}
    with town.lisbon.encryptor() as here:
        assert here.get(f"/key/{lost}", params=asking(town.porto)).status_code == 400


def test_a_key_whose_answer_was_lost_on_the_way_is_not_given_again(
    town: Town, tcp_proxy: Callable[[str], TcpProxy]
) -> None:
    given, proxy = town.give(), tcp_proxy(f"https://127.0.0.1:{town.another}")
    with town.porto.encryptor(proxy.port) as there:
        assert there.get("/capabilities").status_code == 200
        proxy.lose_answers()
        with pytest.raises(httpx.ReadTimeout):
            there.get(f"/key/{given['keyId']}", params=asking(town.lisbon), timeout=2)
    town.porto.kill("encryptor-2")

    assert town.fetch(given["keyId"]).status_code == 400
    town.porto.start_another_face(town.another)
    assert town.fetch(given["keyId"], town.another).status_code == 400


def test_without_postgresql_both_faces_say_when_to_ask_again_and_come_back_by_themselves(town: Town) -> None:
    given = town.give()
    town.postgres.stop()
    try:
        with town.lisbon.encryptor() as here, town.lisbon.peer(town.porto) as peer:
            refused = [
                here.get("/key", params=asking(town.porto)),
                peer.get("/status/sync"),
                peer.get("/status/health"),
            ]
        refused += [town.fetch(given["keyId"], port) for port in (None, town.another)]
    finally:
        town.postgres.start()

    assert [answer.status_code for answer in refused] == [503] * 5
    assert {answer.headers.get("Retry-After") for answer in (refused[0], *refused[3:])} == {"5"}
    eventually(lambda: town.fetch("f" * 32).status_code == 400, "the face is back", seconds=60)
    fetched = [town.fetch(given["keyId"]), town.fetch(given["keyId"], town.another)]
    assert [answer.status_code for answer in fetched] == [200, 400]
    assert fetched[0].json() == given
    eventually(town.can_take, "keys flow again", seconds=60)


def test_without_valkey_a_peer_takes_nothing_and_comes_back_by_itself(town: Town) -> None:
    before = town.unspent("porto")
    town.valkey["porto"].stop()
    try:
        with town.lisbon.encryptor() as here, town.lisbon.peer(town.porto) as peer:
            refused = here.get("/key", params=asking(town.porto, "192"))
            assert peer.get("/status/health").status_code == 503
        pinged = json.loads(town.lisbon.run("peers", "ping", "--json", expect=4))["items"]
    finally:
        town.valkey["porto"].start()

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert [(item["peer"], item["answered"]) for item in pinged] == [("porto", False)]
    assert town.unspent("porto") <= before
    eventually(town.can_take, "keys flow again", seconds=60)
    pinged = json.loads(town.lisbon.run("peers", "ping", "--json"))["items"]
    assert [(item["peer"], item["answered"], item["milliseconds"] > 0) for item in pinged] == [("porto", True, True)]


def test_an_encryptor_with_a_pre_shared_key_shares_keys_with_the_other_site(town: Town) -> None:
    asked = f"GET /key?remoteSystemID={town.porto.system_id} HTTP/1.1\r\nHost: KP\r\nConnection: close\r\n\r\n".encode()
    client = PskClient(town.lisbon.psk_port, "fw-psk", town.lisbon.psk("fw-psk"))

    answers = [client.ask_in_1_2(asked, "DHE-PSK-AES256-CBC-SHA384"), client.ask_in_1_3(asked)[1]]

    for answer in answers:
        given = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert town.fetch(given["keyId"]).json() == given
    assert PskClient(client.port, "fw-psk", bytes(32)).ask_in_1_2(asked, "DHE-PSK-AES256-CBC-SHA384") == b""


@pytest.mark.parametrize("kind", ["connectivity", "conformance", "entropy", "sync"])
def test_a_part_of_the_selftest_can_be_asked_for(town: Town, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, findings = selftest(town, capsys, f"https://{town.porto.address}", "--test", kind)

    assert (code, {finding["kind"] for finding in findings}) == (0, {kind})
    assert all(finding["passed"] for finding in findings)


@pytest.mark.parametrize("kind", ["connectivity", "conformance", "entropy", "sync", "all"])
def test_the_selftest_ends_with_4_where_a_provider_is_away(
    town: Town, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = ReservedPort()
    code, findings = selftest(town, capsys, f"https://127.0.0.1:{nobody.number}", "--test", kind)
    nobody.release()

    failed = [finding for finding in findings if not finding["passed"]]
    assert code == 4
    assert failed
    assert all("no answer" in finding["detail"] for finding in failed)


def test_the_selftest_ends_with_4_where_keys_do_not_arrive(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    town.porto.kill("peer")
    try:
        code, findings = selftest(town, capsys, f"https://{town.porto.address}", "--test", "all")
    finally:
        town.porto.start_process("peer", "api", "peer")
        town.porto.await_faces()

    assert code == 4
    assert {finding["kind"] for finding in findings if not finding["passed"]} == {"sync"}
    assert any("answered 503" in finding["detail"] for finding in findings)
    eventually(town.can_take, "keys flow again", seconds=60)


def selftest(
    town: Town, capsys: pytest.CaptureFixture[str], secondary: str, *options: str
) -> tuple[int, list[dict[str, Any]]]:
    here, there = (str(site.identity) for site in (town.lisbon, town.porto))
    words = [f"https://{town.lisbon.address}", "--secondary", secondary, "--identity", here]
    code = main(["peers", "selftest", *words, "--secondary-identity", there, *options, "--json"])
    return code, json.loads(capsys.readouterr().out)["items"]


def test_a_peer_sees_the_counters_of_what_went_between_the_two(town: Town) -> None:
    with town.lisbon.peer(town.porto) as peer:
        before = peer.get("/status/health").json()["keys"]
        with opened(town.lisbon) as provider:
            provider.store.boot()
            provider.link.heartbeat("porto", Heartbeat(pool=7), within=10)
        assert town.can_take()
        assert town.can_take()
        sync, health = (peer.get(path).json() for path in ("/status/sync", "/status/health"))

    assert (sync["sync_enabled"], sync["local_system_id"]) == (True, "porto")
    assert (sync["peer"]["pool"], sync["peer"]["last_heartbeat"] is None) == (7, False)
    assert health["status"] == "pass"
    assert health["sync"].keys() >= {"heartbeat_ms", "missed_heartbeats", "failed_pushes"}
    grown = {name: health["keys"][name] - before[name] for name in before}
    assert grown == {"ours": 0, "theirs": 2, "ids_kept": 2}


def test_a_catalog_that_was_restored_from_a_backup_holds_no_key_and_gives_none_again(town: Town) -> None:
    with opened(town.lisbon) as provider:
        refill_all(provider)
    spent, waiting = town.give(), town.give()
    assert town.fetch(spent["keyId"]).json() == spent
    town.plant("porto", waiting["key"])
    before = town.unspent("porto")
    assert waiting["keyId"] in before

    town.porto.run("backup", "run", "catalog", "--here")
    town.porto.run("restore", "run", "latest:catalog", "--target", "porto_restored", "--here")

    was, restored = (tables_of(town.postgres.url(name)) for name in (town.databases["porto"], "porto_restored"))
    assert places_of(waiting["key"], was) == {"planted", "planted_and_marked"}
    assert places_of(waiting["key"], restored) == {"planted"}
    assert {table for table in MARKED if was[table]} >= {"skip_key", "skip_unspent", "skip_sealing_key", "skip_boot"}
    assert {table for table in MARKED if restored[table]} == set()
    town.move_porto("porto_restored")

    assert [town.fetch(key["keyId"]).status_code for key in (spent, waiting)] == [400, 400]
    with opened(town.lisbon) as provider:
        # The heartbeat of every ten seconds, which says that there is another incarnation.
        beat_all(provider)
    eventually(town.can_take, "keys flow again", seconds=60)
    fresh = town.give()
    assert fresh["keyId"] not in before
    assert town.fetch(fresh["keyId"]).json() == fresh
    # What was in stock in Lisbon had its other half in Porto, and ended with it.
    assert town.pooled() & before == set()


def places_of(key: str, tables: dict[str, str]) -> set[str]:
    return {name for name, rows in tables.items() if holds(rows, key)}
