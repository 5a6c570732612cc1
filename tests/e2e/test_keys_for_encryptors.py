"""Two sites share keys: real providers with databases, brokers and workers of their own, and encryptors that ask."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from celery import Celery

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.deployment import eventually
from tests.e2e.providers import KeyProvider, key_from, paired
from tests.e2e.spying import contents, holds, monitored, rows_of
from tests.services.skip_qkd import SkipQkd
from tests.services.valkey import Valkey

Pair = tuple[KeyProvider, KeyProvider]

FLOWER_PAGES = ("/api/tasks", "/api/workers?refresh=1", "/tasks", "/workers", "/broker", "/metrics")
DIE_AFTER_COMMIT = """
import os, signal, sys
from strongroom.keysync.opening import make_sender
from strongroom.keysync.provider import open_provider
from strongroom.runtime import build_runtime
from worker.settings import read_settings
runtime = build_runtime(read_settings())
sender = make_sender(runtime.settings.require_skip(), runtime.clock, runtime.random)
assert len(open_provider(runtime.services(), sender).delivery.fetch(sys.argv[1], sys.argv[2])) == 32
os.write(1, b"committed")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
    start_valkey: Callable[[], Valkey],
    postgres_server: ScratchPostgres,
) -> Iterator[Pair]:
    """Two providers that are each other's peers."""
    directory = tmp_path_factory.mktemp("providers")
    databases = [f"skip_{os.getpid()}_{site}" for site in ("a", "b")]
    environments = []
    for database in databases:
        postgres_server.create_database(database)
        environments.append(
            {"STRONGROOM_CATALOG_URL": postgres_server.url(database), "STRONGROOM_BROKER_URL": start_valkey().url}
        )
    with paired(directory, environments) as running:
        yield running
    for database in databases:
        postgres_server.drop_database(database)


def test_an_encryptor_that_others_wrote_gets_the_same_key_at_both_sites_once(
    pair: Pair, skip_qkd: type[SkipQkd]
) -> None:
    lisbon, porto = pair
    here, there = (skip_qkd(site.address, site.identity) for site in pair)

    capabilities = here.call("capabilities")
    assert capabilities["localSystemID"] == lisbon.system_id
    assert capabilities["remoteSystemID"] == [porto.system_id]
    for size in (None, 128):
        given = here.call("request_key", porto.system_id, size)
        assert len(given["key"]) == (size or 256) // 4
        assert there.call("fetch_key_by_id", given["keyId"], lisbon.system_id) == given
        with pytest.raises(RuntimeError, match="400"):
            there.call("fetch_key_by_id", given["keyId"], lisbon.system_id)
    assert [len(here.call("entropy", bits)["randomStr"]) for bits in (128, 256)] == [32, 64]


def test_the_selftest_finds_everything_in_order(pair: Pair) -> None:
    lisbon, porto = pair
    words = ["--identity", str(lisbon.identity), "--secondary-identity", str(porto.identity), "--json"]

    report = lisbon.run(
        "peers", "selftest", f"https://{lisbon.address}", "--secondary", f"https://{porto.address}", *words
    )

    findings = json.loads(report)["items"]
    assert {finding["kind"] for finding in findings} == {"connectivity", "conformance", "entropy", "sync"}
    assert all(finding["passed"] for finding in findings)


def test_fifty_that_ask_at_once_get_one_key(pair: Pair) -> None:
    lisbon, porto = pair
    with lisbon.encryptor() as here:
        given = key_from(here.get("/key", params={"remoteSystemID": porto.system_id}))
    start = threading.Barrier(50)

    def fetch(_: int) -> httpx.Response:
        with porto.encryptor() as there:
            there.get("/capabilities")
            start.wait(30)
            return there.get(f"/key/{given['keyId']}", params={"remoteSystemID": lisbon.system_id})

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(fetch, range(50)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 49}
    assert [answer.json()["key"] for answer in answers if answer.status_code == 200] == [given["key"]]


def test_the_peer_can_serve_each_of_a_thousand_keys_at_once(pair: Pair) -> None:
    lisbon, porto = pair

    def give(first: int) -> list[bool]:
        with lisbon.encryptor() as here, porto.encryptor() as there:
            return [ask_both(here, there, pair) for _ in range(first, 1000, 4)]

    with ThreadPoolExecutor(4) as pool:
        same = [one for some in pool.map(give, range(4)) for one in some]

    assert Counter(same) == {True: 1000}


def ask_both(here: httpx.Client, there: httpx.Client, pair: Pair) -> bool:
    given = key_from(here.get("/key", params={"remoteSystemID": pair[1].system_id}))
    fetched = there.get(f"/key/{given['keyId']}", params={"remoteSystemID": pair[0].system_id})
    return key_from(fetched) == given


def test_a_process_that_dies_between_commit_and_answer_has_used_the_key_up(pair: Pair) -> None:
    lisbon, porto = pair
    with lisbon.encryptor() as here:
        given = key_from(here.get("/key", params={"remoteSystemID": porto.system_id}))

    died = subprocess.run(
        [sys.executable, "-c", DIE_AFTER_COMMIT, given["keyId"], lisbon.system_id],
        env={**os.environ, **porto.variables},
        capture_output=True,
        check=False,
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert died.stdout == b"committed"
    with porto.encryptor() as there:
        again = there.get(f"/key/{given['keyId']}", params={"remoteSystemID": lisbon.system_id})
    assert again.status_code == 400


def test_keys_are_nowhere_but_where_they_were_asked_for(pair: Pair) -> None:
    lisbon, porto = pair
    lisbon.start_flower()
    with ExitStack() as watching:
        heard = [watching.enter_context(monitored(site.variables["STRONGROOM_BROKER_URL"])) for site in pair]
        # Between the marks a pool is left as it is.
        eventually(lambda: in_stock(lisbon) >= 16, "keys are in stock", seconds=60)
        before = [rows_of(site.variables["STRONGROOM_CATALOG_URL"]) for site in pair]
        with lisbon.encryptor() as here, porto.encryptor() as there:
            keys = [key_from(here.get("/key", params={"remoteSystemID": porto.system_id})) for _ in range(30)]
            for given in keys:
                there.get(f"/key/{given['keyId']}", params={"remoteSystemID": lisbon.system_id}).raise_for_status()
        eventually(lambda: all("keysync" in text for text in map(str, heard)), "the brokers were busy", seconds=60)
        eventually(lambda: in_flower(lisbon), "Flower has seen the tasks of keys", seconds=60)
    places = {
        "catalogs before": str(before),
        "catalogs after": str([rows_of(site.variables["STRONGROOM_CATALOG_URL"]) for site in pair]),
        "brokers": str(heard),
        "broker contents": str([contents(site.variables["STRONGROOM_BROKER_URL"]) for site in pair]),
        "logs": lisbon.logs() + porto.logs(),
        "Flower": "".join(map(lisbon.flower, FLOWER_PAGES)),
    }

    assert keys[0]["keyId"] in places["logs"]
    assert {place for place, text in places.items() for given in keys if holds(text, given["key"])} == set()


def in_flower(site: KeyProvider) -> bool:
    return "keysync." in site.flower("/api/tasks")


def test_a_key_in_a_message_would_be_found_in_the_broker_and_in_flower(pair: Pair) -> None:
    lisbon, planted = pair[0], os.urandom(32).hex()
    lisbon.start_flower()
    broker = lisbon.variables["STRONGROOM_BROKER_URL"]
    with monitored(broker) as heard:
        # The task takes no argument, so it does nothing.
        Celery(broker=broker).send_task("keysync.heartbeat", args=[planted], queue="keysync", retry=False)
        eventually(lambda: holds(lisbon.flower("/api/tasks"), planted), "Flower has seen the message", seconds=60)

    assert holds(str(heard), planted)


def in_stock(site: KeyProvider) -> int:
    item = json.loads(site.run("peers", "status", "--json", expect=None))["items"][0]
    return int(item["keys_ours"])


def test_a_pair_gets_a_new_secret_while_keys_flow(pair: Pair, tmp_path: Path) -> None:
    lisbon, porto = pair
    over, statuses = threading.Event(), Counter()

    def ask() -> None:
        with lisbon.encryptor() as here:
            while not over.wait(0.05):
                # A size that no pool has: each is sent to the peer under whichever secret is in force.
                statuses[here.get("/key", params={"remoteSystemID": porto.system_id, "size": "192"}).status_code] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        lisbon.run("peers", "rotate-psk", "porto", "--write", str(tmp_path / "psk.json"))
        porto.run("peers", "rotate-psk", "lisbon", "--read", str(tmp_path / "psk.json"))
        for site in pair:
            eventually(lambda site=site: secrets_of(site) == ["retiring", "current"], "the new secret is in force")
        eventually(lambda: statuses[200] > 50, "keys were given")
    finally:
        over.set()
        asking.join()

    assert set(statuses) == {200}


def secrets_of(site: KeyProvider) -> list[str]:
    item = json.loads(site.run("peers", "status", "--json", expect=None))["items"][0]
    return [secret["state"] for secret in item["secrets"]]


def test_keys_flow_again_after_the_peer_was_killed(pair: Pair) -> None:
    lisbon, porto = pair
    for name in ("peer", "encryptor", "worker-keysync", "worker-keyfill"):
        pid = porto.servers[name].pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        eventually(lambda name=name: porto.servers[name].pid is None, f"{name} is gone")
    with lisbon.encryptor() as here:
        # Another size is never in the pool: the peer would have to take it now.
        refused = here.get("/key", params={"remoteSystemID": porto.system_id, "size": "192"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")

        porto.start_workers()
        porto.start_faces()
        eventually(
            lambda: here.get("/key", params={"remoteSystemID": porto.system_id, "size": "192"}).status_code == 200,
            "keys flow again",
            seconds=30,
        )
